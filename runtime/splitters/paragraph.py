"""`paragraph`: the texts between blank lines.

Fenced code stays whole, including its blank lines. Unlike in Markdown, a fence that is never closed is no fence. A
fence of tildes opens only behind a blank line, because other kinds of text underline their titles with tildes.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from .protocol import Splitter, Stretch, line_end, overlap_of, pieces

_OPENING = re.compile(r" {0,3}(`{3,}|~{3,})([^\r\n]*)")
_CLOSING = re.compile(r"(?:\A|(?<=[\r\n])) {0,3}(`{3,}|~{3,})[^\S\r\n]*(?=[\r\n]|\Z)")
_BLANK_LINE = re.compile(r"\s*")


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, _paragraphs(text), overlap_of(args))


def _paragraphs(text: str) -> Iterator[Stretch]:
    closings = _Closings(text)
    start = begin = 0
    fence = ""
    after_blank = True
    while begin < len(text):
        end = line_end(text, begin)
        blank = text[begin:end].isspace()
        found = None if blank or not closings else _OPENING.match(text, begin, end)
        if fence:
            if found and not found[2].strip() and found[1].startswith(fence):
                fence = ""
        elif blank:
            if start < begin:
                yield start, begin
            start = end = _past_blank_lines(text, begin)
        elif found and _opens(found, after_blank) and closings.longest(found[1][0], begin) >= len(found[1]):
            fence = found[1]
        after_blank = blank
        begin = end
    yield start, len(text)


def _past_blank_lines(text: str, begin: int) -> int:
    """Return the offset of the next line that is not blank.

    All blank lines are skipped in one step, because there may be millions.
    """
    blank = _BLANK_LINE.match(text, begin)
    end = blank.end() if blank else begin
    if end == len(text):
        return end
    return max(text.rfind("\n", begin, end), text.rfind("\r", begin, end)) + 1


def _opens(found: re.Match[str], after_blank: bool) -> bool:
    return "`" not in found[2] if found[1][0] == "`" else after_blank


class _Closings:
    """A compact list of the lines that may close a fence. Each takes a few bytes. It is false if it is empty."""

    def __init__(self, text: str) -> None:
        self._places = array("I")
        self._longest = {"`": array("I"), "~": array("I")}
        if "```" in text or "~~~" in text:
            for found in _CLOSING.finditer(text):
                self._places.append(found.start())
                for mark, lengths in self._longest.items():
                    lengths.append(len(found[1]) if found[1][0] == mark else 0)
        for lengths in self._longest.values():
            for place in range(len(lengths) - 2, -1, -1):
                lengths[place] = max(lengths[place], lengths[place + 1])

    def __bool__(self) -> bool:
        return bool(self._places)

    def longest(self, mark: str, place: int) -> int:
        """Return the length of the longest closing line of a kind below the line at ``place``. 0 if there is none."""
        lengths = self._longest[mark]
        behind = bisect_right(self._places, place)
        return lengths[behind] if behind < len(lengths) else 0


SPLITTER = Splitter("paragraph", (), split, "the parts between blank lines; fenced code stays whole")
