"""The headings of a Markdown text (CommonMark).

The text is parsed in parts, because the tree of the whole text may take 500 times its size.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ..vocabulary.errors import NotInstalledError
from .protocol import line_end, lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PART = 64 * 1024
"""The number of characters that are parsed at once.

A longer block is cut. If it is a list or a paragraph, the text behind the cut counts as text of its own.
"""
# The begin and end of HTML blocks that may contain blank lines (CommonMark, section 4.6).
_UNTIL = (
    (
        re.compile(r"\s*<(?:script|pre|style|textarea)(?=[\s>]|\Z)", re.I),
        re.compile(r"</(?:script|pre|style|textarea)>", re.I),
    ),
    (re.compile(r"\s*<!--"), re.compile(r"-->")),
    (re.compile(r"\s*<\?"), re.compile(r"\?>")),
    (re.compile(r"\s*<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(r"\s*<![A-Za-z]"), re.compile(r">")),
)


class Heading(NamedTuple):
    level: int
    start: int
    end: int


class Headings:
    """A compact list of headings. Each takes only a few bytes."""

    def __init__(self) -> None:
        self._levels = bytearray()
        self._starts = array("I")
        self._ends = array("I")

    def add(self, heading: Heading) -> None:
        self._levels.append(heading.level)
        self._starts.append(heading.start)
        self._ends.append(heading.end)

    def __iter__(self) -> Iterator[Heading]:
        return map(Heading, self._levels, self._starts, self._ends)


def headings_of(text: str, start: int = 0, size: int = PART) -> Headings:
    """Return the headings from ``start`` on, except those in code, lists and quotations.

    ``size`` is the size of a part.
    """
    out = Headings()
    while start < len(text):
        end = line_end(text, min(start + size, len(text))) if start + size < len(text) else len(text)
        start = _read(text, start, end, out)
    return out


def _read(text: str, start: int, end: int, out: Headings) -> int:
    """Add the headings of one part, and return the offset at which the next part begins.

    The last block of a part may continue behind the part, so it is read again. All blocks before it are complete,
    because a block at the top of the tree does not depend on earlier blocks.
    """
    places = array("I", [start + begin for begin, _ in lines(text[start:end])])
    places.append(end)
    tops = [token for token in _markdown().parse(text[start:end]) if token.level == 0 and token.nesting >= 0]
    blocks = [(token, token.map[0], token.map[1]) for token in tops if token.map]
    if not blocks:
        return end
    last, first_line, behind = blocks[-1]
    cut = len(text) if end == len(text) else places[first_line]
    over = cut == start and last.type == "heading_open"
    for token, begin, finish in blocks:
        heading = Heading(_level(token), places[begin], places[min(finish, len(places) - 1)])
        if heading.level and (heading.start < cut or over):
            out.add(heading)
    if cut > start:
        return cut
    ends = places[min(behind, len(places) - 1)]
    return ends if ends < end else _behind(text, last, start, end)


def _level(token: Token) -> int:
    return int(token.tag[1:]) if token.type == "heading_open" else 0


def _behind(text: str, block: Token, start: int, end: int) -> int:
    """Return the offset at which a block that fills a whole part ends. If it goes on, return where to read on."""
    if block.type == "fence":
        closing = re.compile(rf"(?<=[\r\n]) {{0,3}}{block.markup[0]}{{{len(block.markup)},}}[^\S\r\n]*(?=[\r\n]|\Z)")
        found = closing.search(text, line_end(text, start))
        return line_end(text, found.end()) if found else len(text)
    if block.type == "html_block":
        for opened, closed in _UNTIL:
            if opened.match(text, start, end):
                found = closed.search(text, start)
                return line_end(text, found.end()) if found else len(text)
    return end


@cache
def _markdown() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ModuleNotFoundError:
        raise NotInstalledError(
            "to find headings flowrun needs a package that is not here, because only the checker is installed: "
            "pip install flowrun-dsl"
        ) from None
    return MarkdownIt("commonmark").disable("inline")
