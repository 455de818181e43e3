"""`paragraph`: what stands between blank lines.

Fenced code stays whole, blank lines and all. Unlike in Markdown, a fence that is never closed is no fence, and one
of tildes opens only behind a blank line: other kinds of text underline their titles with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .protocol import Splitter, Stretch, lines, overlap_of, pieces

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\r\n]*)")


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, _paragraphs(text), overlap_of(args))


def _paragraphs(text: str) -> Iterator[Stretch]:
    all_lines = list(lines(text))
    closing = _longest_closing(text, all_lines)
    start = 0
    fence = ""
    after_blank = True
    for place, (begin, end) in enumerate(all_lines):
        blank = text[begin:end].isspace()
        found = None if blank or not closing else _FENCE.match(text, begin, end)
        if fence:
            if found and not found[2].strip() and found[1].startswith(fence):
                fence = ""
        elif blank:
            if start < begin:
                yield start, begin
            start = end
        elif found and _opens(found, after_blank) and closing[place + 1][found[1][0]] >= len(found[1]):
            fence = found[1]
        after_blank = blank
    yield start, len(text)


def _opens(found: re.Match[str], after_blank: bool) -> bool:
    return "`" not in found[2] if found[1][0] == "`" else after_blank


def _longest_closing(text: str, all_lines: list[Stretch]) -> list[dict[str, int]]:
    """For each line, the longest fence of each kind that may close one, there or below; nothing if there is none."""
    if "```" not in text and "~~~" not in text:
        return []
    longest = {"`": 0, "~": 0}
    out = [longest]
    for begin, end in reversed(all_lines):
        found = _FENCE.match(text, begin, end)
        if found and not found[2].strip() and len(found[1]) > longest[found[1][0]]:
            longest = {**longest, found[1][0]: len(found[1])}
        out.append(longest)
    return out[::-1]


SPLITTER = Splitter("paragraph", (), split, "what stands between blank lines; fenced code stays whole")
