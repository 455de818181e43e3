"""The way between the offsets of two texts that differ in one part."""

from __future__ import annotations

from functools import cached_property

_STEP = 4096
"""The number of characters that are compared at once."""
MOST_LINES = 2
"""The most lines of a small change."""


class Shift:
    """The part in which two texts differ: all between their common beginning and their common end.

    With ``still`` every character of the new text has the place that it has in the old one, which may go on behind it.
    """

    def __init__(self, old: str, new: str, *, still: bool = False) -> None:
        self._old = old
        self._new = new
        if still:
            self.head, self.tail = len(new), 0

    @cached_property
    def head(self) -> int:
        """The length of the common beginning."""
        if self._old == self._new:
            return len(self._old)
        return _alike(self._old, self._new)

    @cached_property
    def tail(self) -> int:
        """The length of the common end, which does not reach into the common beginning."""
        most = min(len(self._old), len(self._new)) - self.head
        if most <= 0:
            return 0
        ends = [text[len(text) - most :][::-1] for text in (self._old, self._new)]
        return _alike(*ends)

    @property
    def small(self) -> bool:
        """True if the change lies in a line or two."""
        old, new = self._old, self._new
        changed = (old[self.head : len(old) - self.tail], new[self.head : len(new) - self.tail])
        return all(part.count("\n") <= MOST_LINES for part in changed)

    def back(self, at: int) -> int:
        """Return the offset in the old text. Inside of the change it is that of the change's beginning, or close."""
        if at <= self.head:
            return at
        if at >= len(self._new) - self.tail:
            return at + len(self._old) - len(self._new)
        return min(at, len(self._old) - self.tail)

    def onto(self, start: int, end: int) -> tuple[int, int] | None:
        """Return a part of the old text as one of the new. None if it meets the change."""
        if end <= self.head:
            return start, end
        if start >= len(self._old) - self.tail:
            by = len(self._new) - len(self._old)
            return start + by, end + by
        return None

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Return a part of the old text as one of the new, even if the change lies in it."""
        first = start if start <= self.head else max(start + len(self._new) - len(self._old), self.head)
        last = end if end <= self.head else max(end + len(self._new) - len(self._old), self.head)
        return min(first, len(self._new)), min(max(first, last), len(self._new))


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
