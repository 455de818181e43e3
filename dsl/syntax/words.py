"""Words and quoted texts: what every other part of the tree is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..source import Span


def at() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    span: Span = at()


@dataclass(frozen=True, slots=True)
class String:
    """A quoted text.

    ``value`` is what it means: escapes resolved, a triple-quoted one dedented. ``marks`` are pairs
    (offset in value, offset in source), rising, from which every character of the value is found again.
    """

    value: str
    span: Span = at()
    marks: tuple[tuple[int, int], ...] = field(compare=False, repr=False, default=())
    triple: bool = field(compare=False, repr=False, default=False)

    def place(self, start: int, end: int) -> Span:
        """The span in the source of a stretch of the value."""
        first = self._source_offset(start)
        last = self._source_offset(end - 1) + 1 if end > start else first
        return Span(self.span.source, first, max(last, first))

    def _source_offset(self, offset: int) -> int:
        low, high = 0, len(self.marks)
        while low < high:
            middle = (low + high) // 2
            if self.marks[middle][0] <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return self.span.start
        known, source = self.marks[low - 1]
        return min(source + offset - known, self.span.end)
