"""The cutting of a text into pieces of limited size, in any measure.

Each piece ends at the last border of a paragraph in its second half. If there is none, it ends at a border of a line, a
sentence or a word. A word is cut only if the word alone is too long. An overlap counts towards the size of the piece.
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
    """A measure of text, such as characters or tokens. Amounts are 1 or more; an overlap may also be 0."""

    def forward(self, start: int, amount: int) -> int:
        """Return the greatest end, beyond ``start``, of a stretch that begins there and does not exceed the amount."""
        ...

    def backward(self, end: int, amount: int) -> int:
        """Return the smallest start, up to ``end``, of a stretch that ends there and does not exceed the amount."""
        ...


def windows(text: str, most: int, overlap: int, measure: Measure) -> Iterator[Stretch]:
    fresh = 0
    before: Stretch | None = None
    while (fresh := behind_space(text, fresh)) < len(text):
        start = _begin(text, fresh, before, most, overlap, measure) if before and overlap else fresh
        end = _cut(text, fresh, max(measure.forward(start, most), fresh + 1))
        kept = trimmed(text, start, end)
        if kept:
            before = (start, kept[1])
            yield before
        fresh = end


def _begin(text: str, fresh: int, before: Stretch, most: int, overlap: int, measure: Measure) -> int:
    """Return the offset at which the overlap begins. It gets shorter if the next word would not fit behind it."""
    word, limit = fresh, min(measure.forward(fresh, most), len(text))
    while word < limit and not text[word].isspace():
        word += 1
    # The word must be cut anyway, so it may be cut anywhere.
    whole = word == len(text) or text[word].isspace()
    needed = word if whole else fresh + 1
    start = max(before[0] + 1, measure.backward(before[1], overlap), measure.backward(needed, most))
    while start < fresh and not is_border(text, start):
        start += 1
    return start


def _cut(text: str, fresh: int, limit: int) -> int:
    """Return the offset at which a piece ends.

    Its first new character is at ``fresh``, and the piece may extend to ``limit``.
    """
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


def behind_space(text: str, place: int) -> int:
    """Return the first place from here on that is no blank space."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place
