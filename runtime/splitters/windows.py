"""Pieces of at most so much of a text, whatever it is measured in.

Each is cut at the last border of a paragraph in its second half, or failing that of a line, of a sentence, of a word;
inside a word only where the word alone is too long. What an overlap repeats counts towards the piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from .protocol import Stretch, is_border, trimmed

_BORDERS = (
    re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*(?:\r\n|\r|\n)"),
    re.compile(r"[\r\n]"),
    re.compile(r"[.!?…]['\"”’)\]]*(?=\s)|[。！？](?=[\s\S])"),
)


class Measure(Protocol):
    """How much of a text is so much. Amounts are 1 or more, but for an overlap of none."""

    def forward(self, start: int, amount: int) -> int:
        """The furthest end, beyond ``start``, of a stretch that begins there and is no more than the amount."""
        ...

    def backward(self, end: int, amount: int) -> int:
        """The earliest start, up to ``end``, of a stretch that ends there and is no more than the amount."""
        ...


def windows(text: str, most: int, overlap: int, measure: Measure) -> Iterator[Stretch]:
    fresh = 0
    before: Stretch | None = None
    while (fresh := _skip_blank(text, fresh)) < len(text):
        start = _begin(text, fresh, before, most, overlap, measure) if before and overlap else fresh
        end = _cut(text, fresh, max(measure.forward(start, most), fresh + 1))
        kept = trimmed(text, start, end)
        if kept:
            before = (start, kept[1])
            yield before
        fresh = end


def _begin(text: str, fresh: int, before: Stretch, most: int, overlap: int, measure: Measure) -> int:
    """Where the overlap begins; it gives way where the next word would not fit behind it."""
    word, limit = fresh, min(measure.forward(fresh, most), len(text))
    while word < limit and not text[word].isspace():
        word += 1
    # Of a word that has to be cut anyway, any part will do.
    whole = word == len(text) or text[word].isspace()
    needed = word if whole else fresh + 1
    start = max(before[0] + 1, measure.backward(before[1], overlap), measure.backward(needed, most))
    while start < fresh and not is_border(text, start):
        start += 1
    return start


def _cut(text: str, fresh: int, limit: int) -> int:
    """Where a piece ends that has ``fresh`` as its first new character, and may go up to ``limit``."""
    if limit >= len(text):
        return len(text)
    half = fresh + (limit - fresh) // 2
    for border in _BORDERS:
        # One further character is looked at: blank space there makes the limit itself a border.
        end = 0
        for found in border.finditer(text, half, limit + 1):
            end = found.end()
        if min(end, limit) > fresh:
            return min(end, limit)
    for place in range(limit, fresh, -1):
        if text[place].isspace() or text[place - 1].isspace():
            return place
    return limit


def _skip_blank(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
