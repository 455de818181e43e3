"""The way between the offsets of two texts that differ in one part."""

from __future__ import annotations

_STEP = 4096
"""The number of characters that are compared at once."""
MOST_LINES = 2
"""The most lines of a small change."""


class Shift:
    """The part in which two texts differ: all between their common beginning and their common end.

    ``size`` is the length of the old text, as far as it has a place in the new one.
    """

    def __init__(self, head: int, tail: int, size: int, new_size: int) -> None:
        self.head = head
        self.tail = tail
        self.size = size
        self.new_size = new_size

    def back(self, at: int) -> int:
        """Return the offset in the old text. Inside of the change it is one in the change, as near as can be."""
        if at <= self.head:
            return at
        if at >= self.new_size - self.tail:
            return at + self.size - self.new_size
        return min(at, self.size - self.tail)

    def onto(self, start: int, end: int) -> tuple[int, int] | None:
        """Return a part of the old text as one of the new. None if it meets the change."""
        if end <= self.head:
            return start, end
        if start >= self.size - self.tail and end <= self.size:
            by = self.new_size - self.size
            return start + by, end + by
        return None

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Return a part of the old text as one of the new, even if the change lies in it."""
        by = self.new_size - self.size
        first = start if start <= self.head else max(start + by, self.head)
        last = end if end <= self.head else max(end + by, self.head)
        first = min(first, self.new_size)
        return first, min(max(first, last), self.new_size)


def between(old: str, new: str) -> Shift:
    """Return the difference of two texts."""
    if old == new:
        return same(new)
    head = _alike(old, new)
    most = min(len(old), len(new)) - head
    tail = _alike(old[len(old) - most :][::-1], new[len(new) - most :][::-1]) if most else 0
    return Shift(head, tail, len(old), len(new))


def same(text: str) -> Shift:
    """Return the difference to a text with the same characters in their places, which may go on behind them."""
    return Shift(len(text), 0, len(text), len(text))


def inserted(text: str, at: int, length: int) -> Shift:
    """Return the difference to a text that has some characters more at one place, and perhaps more at its end."""
    return Shift(at, len(text) - at, len(text) + length, len(text))


def small(old: str, new: str) -> bool:
    """Tell whether two texts differ in a line or two."""
    shift = between(old, new)
    changed = (old[shift.head : len(old) - shift.tail], new[shift.head : len(new) - shift.tail])
    return all(part.count("\n") <= MOST_LINES for part in changed)


def _alike(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    most = min(len(one), len(other))
    at = 0
    while at < most and one[at : at + _STEP] == other[at : at + _STEP]:
        at += _STEP
    at = min(at, most)
    low, high = at, min(at + _STEP, most)
    while low < high:
        middle = (low + high + 1) // 2
        if one[at:middle] == other[at:middle]:
            low = middle
        else:
            high = middle - 1
    return low
