"""Words and quoted texts, the smallest parts of the tree."""

from __future__ import annotations

from dataclasses import field

from ..records import dataclass
from ..source import Span


def at() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


UNNUMBERED = -1
"""The number of a node that belongs to no file yet."""


def numbered() -> int:
    """Declare the field for the number of a node: its position in the order in which the nodes of its file were made.

    No two nodes of a file have the same number, and the same text always gives the same numbers. So tables about the
    nodes of a file use the numbers as keys.
    """
    return field(default=UNNUMBERED, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    span: Span = at()


@dataclass(frozen=True, slots=True)
class String:
    """A quoted text.

    ``value`` is its content, with escapes resolved and without the indentation of a triple-quoted text. ``marks`` are
    pairs (offset in value, offset in source) in rising order. They lead from every character of the value to its place
    in the source.
    """

    value: str
    span: Span = at()
    marks: tuple[tuple[int, int], ...] = field(compare=False, repr=False, default=())
    triple: bool = field(compare=False, repr=False, default=False)
    number: int = numbered()

    def place(self, start: int, end: int) -> Span:
        """Return the span in the source for a part of the value."""
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
