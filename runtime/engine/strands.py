"""The order in which a map opens its elements, so that prompts that begin alike are sent one after another.

Servers keep the beginnings of prompts that they have read. The elements are put in the order of a trie over what their
first prompts show (after the reordering of rows in arXiv:2403.05821). Elements that share nothing stay where they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

FIRST_LOOK = 256
"""The characters of a text by which elements are told apart at first. A longer look takes four times as many."""
MOST_STRANDS = 8
"""The most strands of a map. More would keep more beginnings at the server at once than it may have room for."""
_SHORT = 16
"""A strand with so few elements is not divided."""


def by_beginning(members: Iterable[int], parts: Sequence[Callable[[int], str]]) -> tuple[array[int], bool]:
    """Put elements in an order in which those whose ``parts`` begin alike stand together.

    ``members`` are their numbers, and each of the ``parts`` returns a text of an element. A group stands where its
    first element stood, and keeps the order of its elements. The second value is True if any begin alike.
    """
    order, shared = array("q"), False
    todo: list[tuple[Sequence[int], int, int]] = [(list(members), 0, FIRST_LOOK)]
    while todo:
        group, part, look = todo.pop()
        if len(group) == 1 or part == len(parts):
            order.extend(group)
            continue
        read, whole = parts[part], True
        found: dict[str, list[int]] = {}
        for member in group:
            text = read(member)
            whole = whole and len(text) <= look
            found.setdefault(text[:look], []).append(member)
        if len(found) == len(group):
            order.extend(group)
            continue
        shared = True
        beyond = (part + 1, FIRST_LOOK) if whole else (part, 4 * look)
        todo += [(one, *beyond) for one in reversed(found.values())]
    return order, shared


class Strands:
    """The elements of a map that are left to open, in several strands, each a stretch of their order.

    An element is taken from the strand that has the fewest open ones. So a server with several slots reads a beginning
    in one of them. A strand that has come to its end takes over half of the longest one, or helps it if that is short.
    ``more`` returns the next elements in their order, and whether any begin alike. It returns none at the end.
    """

    def __init__(self, width: int, more: Callable[[], tuple[Sequence[int], bool]]) -> None:
        self._more = more
        self._order: Sequence[int] = ()
        self._shared = False
        self._next = [0] * width
        self._end = [0] * width
        self._open = [0] * width
        self._strand: dict[int, int] = {}

    def take(self) -> int:
        """Take the next element. Raises IndexError if none is left."""
        strand = min(range(len(self._open)), key=self._open.__getitem__)
        source = strand if self._next[strand] < self._end[strand] else self._source(strand)
        element = self._order[self._next[source]]
        self._next[source] += 1
        self._open[strand] += 1
        self._strand[element] = strand
        return element

    def done(self, element: int) -> None:
        """Record that an element is not open any more."""
        strand = self._strand.pop(element, None)
        if strand is not None:
            self._open[strand] -= 1

    def _source(self, strand: int) -> int:
        """Find the strand from which an empty strand gets its next element."""
        longest = max(range(len(self._next)), key=lambda one: self._end[one] - self._next[one])
        left = self._end[longest] - self._next[longest]
        if left == 0:
            self._refill(strand)
            return strand
        if left <= _SHORT or not self._shared:
            return longest
        self._end[strand] = self._end[longest]
        self._next[strand] = self._end[longest] = self._next[longest] + left // 2
        return strand

    def _refill(self, strand: int) -> None:
        self._order, self._shared = self._more()
        width, count = len(self._next), len(self._order)
        self._next, self._end = [0] * width, [0] * width
        if not self._shared:
            self._end[strand] = count
            return
        # The strand that asks takes the first stretch, so that the elements begin in their order.
        for place, one in enumerate(sorted(range(width), key=lambda one: (one != strand, self._open[one], one))):
            self._next[one], self._end[one] = -(-place * count // width), -(-(place + 1) * count // width)
