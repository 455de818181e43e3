"""`heading`: the sections of a Markdown text.

The text is cut at the shallowest level of heading that occurs at least twice, and at all above it: a document with
one `#` title and many `##` sections is cut at `##`. Where no level occurs twice, it is cut at the shallowest.
Deeper headings stay inside their section. The title and the text below it are a section; a title with no text of its
own joins the section behind it, and so does front matter. Text before the first heading is a section. A text without
headings is one section. What looks like a heading inside code, a list or a quotation is none (CommonMark).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .protocol import Splitter, Stretch, lines, overlap_of, pieces

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# Reading Markdown takes a second for a MiB of short lines; a text in which this fits nowhere has no headings.
_MAYBE = re.compile(r"(?:\A|(?<=[\r\n]))[^\S\r\n]{0,3}(?:#{1,6}(?:\s|\Z)|(?:=+|-+)[^\S\r\n]*(?:[\r\n]|\Z))")


class Heading(NamedTuple):
    level: int
    start: int
    end: int


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, _sections(text), overlap_of(args))


def _sections(text: str) -> Iterator[Stretch]:
    body = _front_matter(text)
    headings = [heading for heading in _headings(text) if heading.start >= body]
    level = _level(headings)
    start = 0
    above: Heading | None = None
    for heading in headings:
        if heading.level > level:
            continue
        idle = max(start, body) if above is None else above.end
        joins = above is None or above.level < level
        if not (joins and not text[idle : heading.start].strip()):
            yield start, heading.start
            start = heading.start
        above = heading
    yield start, len(text)


def _front_matter(text: str) -> int:
    """Where the lines between `---` and `---` at the top end: fields for a program, which look like a heading."""
    for place, (start, end) in enumerate(lines(text)):
        line = text[start:end].rstrip()
        if place == 0:
            if line != "---":
                return 0
        elif line in ("---", "..."):
            return end
        elif not line or line.startswith("#"):
            return 0
    return 0


def _level(headings: list[Heading]) -> int:
    counts = Counter(heading.level for heading in headings)
    often = [level for level, count in counts.items() if count > 1]
    return min(often or counts, default=0)


def _headings(text: str) -> list[Heading]:
    if not _MAYBE.search(text):
        return []
    starts = [start for start, _ in lines(text)] + [len(text)]
    last = len(starts) - 1
    return [
        Heading(int(token.tag[1:]), starts[min(token.map[0], last)], starts[min(token.map[1], last)])
        for token in _markdown().parse(text)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")


SPLITTER = Splitter("heading", (), split, "the sections of a Markdown text, by its main headings")
