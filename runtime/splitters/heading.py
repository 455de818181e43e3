"""`heading`: the sections of a Markdown text. `heading(2)` cuts at the headings of the levels 1 and 2.

Without a level, the text is cut at the shallowest level of heading that occurs at least twice, and at all levels above
it: a document with one `#` title and many `##` sections is cut at `##`. If no level occurs twice, it is cut at the
shallowest. Deeper headings stay inside their section. The title and the text below it are a section. A title without
text of its own joins the section behind it, and so does front matter. Text before the first heading is a section. A
text without headings is one section. A line inside code, a list or a quotation is no heading, even if it looks like one
(CommonMark).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flowrun.dsl import ParamSpec, types

from ..vocabulary.errors import UsageError
from .markdown import Heading, Headings, headings_of
from .protocol import Splitter, Stretch, lines, number, overlap_of, pieces

DEEPEST = 6
"""The deepest level of a heading."""
_INK = re.compile(r"\S")
# Reading Markdown takes a second for a MiB of short lines; a text in which this fits nowhere has no headings.
_MAYBE = re.compile(r"(?:\A|(?<=[\r\n]))[^\S\r\n]{0,3}(?:#{1,6}(?:\s|\Z)|(?:=+|-+)[^\S\r\n]*(?:[\r\n]|\Z))")
# For YAML and for TOML: the begin of a field, and the fences that end the front matter.
_FENCES = {
    "---": (re.compile(r"[^\s#:\-\[{][^:]*:(?:\s|\Z)"), ("---", "...")),
    "+++": (re.compile(r"[\w\"'.\- ]+=|\[[^\]]+\]"), ("+++",)),
}
# A comment, an item, an indented line below a field, and the end of a list or of a text over many lines.
_INSIDE_FIELDS = re.compile(r"#|-(?:\s|\Z)|\s|[\]})]+,?\Z|[\"']{3}")


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    level = None if args.get("level") is None else number(args, "level", 1, unit="levels")
    if level is not None and level > DEEPEST:
        raise UsageError(f"a heading has a level from 1 to {DEEPEST}, and here it is {level}")
    return pieces(text, _sections(text, level), overlap_of(args))


def heading_list(text: str, body: int | None = None) -> Headings:
    """Return the headings of a text. ``body`` is the offset at which its front matter ends, if that is known."""
    body = _front_matter(text) if body is None else body
    return headings_of(text, body) if _MAYBE.search(text) else Headings()


def _sections(text: str, wanted: int | None) -> Iterator[Stretch]:
    body = _front_matter(text)
    headings = heading_list(text, body)
    level = _main_level(headings) if wanted is None else wanted
    start = 0
    above: Heading | None = None
    for heading in headings:
        if heading.level > level:
            continue
        idle = max(start, body) if above is None else above.end
        joins = above is None or above.level < level
        if not (joins and _is_blank(text, idle, heading.start)):
            yield start, heading.start
            start = heading.start
        above = heading
    yield start, len(text)


def _is_blank(text: str, start: int, end: int) -> bool:
    return _INK.search(text, start, end) is None


def _front_matter(text: str) -> int:
    """Return the offset at which the front matter ends.

    Front matter is a list of fields for programs, at the top of a text.

    Its comments look like headings, so it must be found first. A text between two rules (`---`) may also be ordinary
    text. It is front matter if each line is part of a field or a comment, at least one line is a field, and the line
    directly below the first rule is not blank (as in Pandoc).
    """
    all_lines = lines(text)
    start, end = next(all_lines, (0, 0))
    fence = text[start:end].rstrip()
    if fence not in _FENCES:
        return 0
    field, ends = _FENCES[fence]
    fields = 0
    for place, (start, end) in enumerate(all_lines):
        line = text[start:end].rstrip()
        if line in ends:
            return end if fields else 0
        if field.match(line):
            fields += 1
        elif (line or not place) and not _INSIDE_FIELDS.match(line):
            return 0
    return 0


def _main_level(headings: Headings) -> int:
    counts = Counter(heading.level for heading in headings)
    often = [level for level, count in counts.items() if count > 1]
    return min(often or counts, default=0)


SPLITTER = Splitter(
    "heading",
    (ParamSpec("level", types.INT, low=1, high=DEEPEST),),
    split,
    "the sections of a Markdown text, by its main headings; `heading(2)` sets the level",
)
