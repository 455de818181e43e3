"""The roles of the pieces of a text, for colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..parsing.tables import KEYWORDS
from ..source import Span
from .pieces import Piece
from .values import NameKind, Role, TokenSpan
from .view import View
from .words import CONSTANTS, TYPES

_OF_KIND: Mapping[NameKind, Role] = {
    "flow": "flow",
    "extern": "extern",
    "type": "type",
    "field": "field",
    "param": "parameter",
    "step": "step",
    "branch": "step",
    "element": "element",
    "index": "element",
    "model": "model",
    "endpoint": "endpoint",
    "text": "text",
    "prompt": "prompt",
    "import": "prefix",
    "setup": "test",
    "results": "element",
    "last": "element",
    "answer": "element",
    "choice": "choice",
    "reducer": "reducer",
    "function": "function",
    "filter": "filter",
    "option": "option",
    "value": "parameter",
}
_NUMBERS = frozenset({"NUMBER", "DURATION", "PERCENT", "MONEY", "T-NUMBER"})
_OPERATORS = frozenset({"COMPARE", "PLUS", "MINUS", "TIMES", "DIVIDE", "FALLBACK", "OPTIONAL", "VBAR"})
_TEMPLATE_WORDS = frozenset("for in if elif else endfor endif set not and or is defined none true false".split())


def tokens(view: View) -> tuple[TokenSpan, ...]:
    """Return the pieces of a text with their roles, in order."""
    names: dict[int, tuple[Span, Role, bool]] = {}
    for place in view.index.own if view.checked is not None else ():
        role = _OF_KIND.get(place.target.kind)
        if role is not None and place.span.source is view.known and (here := view.here(place.span)) is not None:
            names[here.start] = here, role, place.declared
    return tuple(_pieces(view.pieces, names))


def _pieces(pieces: list[Piece], names: dict[int, tuple[Span, Role, bool]]) -> Iterator[TokenSpan]:
    string: Piece | None = None
    at = 0
    for one in pieces:
        if string is not None and one.start >= string.end:
            if at < string.end:
                yield TokenSpan(at, string.end, "string")
            string = None
        if one.type == "STRING":
            string, at = one, one.start
            continue
        if one.start < at:
            continue
        found = _one(one, names)
        if found is None:
            continue
        if string is not None and at < one.start:
            yield TokenSpan(at, one.start, "string")
        yield found
        at = one.end
    if string is not None and at < string.end:
        yield TokenSpan(at, string.end, "string")


def _one(piece: Piece, names: dict[int, tuple[Span, Role, bool]]) -> TokenSpan | None:
    known = names.get(piece.start)
    if known is not None and known[0].end == piece.end:
        return TokenSpan(piece.start, piece.end, known[1], known[2])
    role = _role(piece)
    return TokenSpan(piece.start, piece.end, role) if role is not None else None


def _role(piece: Piece) -> Role | None:
    if piece.type == "COMMENT":
        return "comment"
    if piece.type in _NUMBERS:
        return "number"
    if piece.type in _OPERATORS:
        return "operator"
    if piece.type in ("T-OPEN", "T-CLOSE"):
        return "mark"
    if piece.type == "T-TEXT":
        return "string"
    if piece.type == "T-NAME":
        return "keyword" if piece.text in _TEMPLATE_WORDS else None
    if piece.type == "T-SIGN":
        return "operator"
    if piece.type == "NAME":
        return "keyword" if piece.text in CONSTANTS else "type" if piece.text in TYPES else None
    return "keyword" if piece.text in KEYWORDS else None
