"""The parts of a text that lead to files and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..codes import CODES
from .hovering import CODE
from .pieces import Piece
from .values import Link
from .view import View

_LEADS = frozenset({"IMPORT", "FROM", "CASES", "CASSETTE"})


def links(view: View, address: Callable[[str], str] | None = None) -> tuple[Link, ...]:
    """Return the links of a text: paths of imports, prompts and tables, and codes in comments.

    ``address`` tells the address of the page of a code, or "". Without it a code leads to its page by its name.
    """
    return tuple(_links(view, address))


def _links(view: View, address: Callable[[str], str] | None) -> Iterator[Link]:
    last: Piece | None = None
    words: list[str] = []
    for one in view.pieces:
        if one.type == "COMMENT":
            yield from _codes(view, one, address)
            continue
        if one.type in ("FLOW", "TYPE", "MODEL", "EXTERN", "PROMPT", "TEST", "TEXT", "IMPORT"):
            words = [one.type]
        if one.type == "STRING" and not one.open and last is not None and last.type in _LEADS:
            path = one.text.strip('"')
            # The text behind the `from` of an extern names a module.
            if path and "\\" not in path and "EXTERN" not in words:
                yield Link(view.source.span(one.start + 1, one.end - 1), path, "file")
        last = one


def _codes(view: View, comment: Piece, address: Callable[[str], str] | None) -> Iterator[Link]:
    if "flowrun" not in comment.text:
        return
    for found in CODE.finditer(comment.text):
        if found[0] in CODES:
            span = view.source.span(comment.start + found.start(), comment.start + found.end())
            page = address(found[0]) if address is not None else ""
            yield Link(span, page, "page") if page else Link(span, found[0], "code")
