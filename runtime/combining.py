"""How an ask combines many results: as a tree of merges, or as a fold. What is ready is asked at once.

``take`` is told of a value for a place and answers with what may be asked now: the place of its answer, and what the
ask sees. Places are (level, index); level 0 are the results. The order is that of the results, never that of arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Json = Any
SKIPPED = object()
"""In the place of a result that was lost."""
Asked = tuple[int, int, dict[str, Json]]


class Combining(Protocol):
    """``done`` is set when one value is left, the ``root``; ``empty`` when every result was lost."""

    done: bool
    empty: bool
    root: Json

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        """A value has come for a place; what is to be asked now."""


class Merge:
    """A tree over a known number of leaves, ``fan_in`` at a time: each merge is done as soon as its children are."""

    def __init__(self, leaves: int, fan_in: int) -> None:
        self.fan_in = fan_in
        self.sizes = [leaves]
        while self.sizes[-1] > 1:
            self.sizes.append(-(-self.sizes[-1] // fan_in))
        self._values: dict[tuple[int, int], Json] = {}
        self.done = False
        self.empty = False
        self.root: Json = None

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        while True:
            if level == len(self.sizes) - 1:
                self.done = True
                self.empty = value is SKIPPED
                self.root = None if self.empty else value
                return []
            self._values[level, index] = value
            group = index // self.fan_in
            first = group * self.fan_in
            places = range(first, min(first + self.fan_in, self.sizes[level]))
            if any((level, place) not in self._values for place in places):
                return []
            values = [self._values.pop((level, place)) for place in places]
            live = [one for one in values if one is not SKIPPED]
            level, index = level + 1, group
            if len(live) > 1:
                return [(level, index, {"results": live})]
            value = live[0] if live else SKIPPED


class TokenMerge:
    """A tree whose merges take as many values in a row as have ``size`` tokens together, and two at the least.

    A group is closed by the value that has no room in it, so what is in it follows from the values alone.
    """

    def __init__(self, leaves: int, size: int, tokens: Callable[[Json], int]) -> None:
        self.size = size
        self.tokens = tokens
        self._levels = [_Level()]
        self._levels[0].total = leaves
        self.done = leaves == 0
        self.empty = leaves == 0
        self.root: Json = None

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        self._levels[level].waiting[index] = value
        ready: list[Asked] = []
        todo = [level]
        while todo:
            at = todo.pop()
            moved = self._advance(at, ready)
            if moved:
                todo.append(at + 1)
        return ready

    def _advance(self, at: int, ready: list[Asked]) -> bool:
        """Take what is next in order at a level; whether the level above it has something to see."""
        here = self._levels[at]
        moved = False
        while here.next in here.waiting:
            value = here.waiting.pop(here.next)
            here.next += 1
            if value is SKIPPED:
                continue
            size = self.tokens(value)
            if len(here.group) > 1 and here.held + size > self.size:
                moved |= self._close(at, ready)
            here.group.append(value)
            here.held += size
        if here.next != here.total or here.over:
            return moved
        here.over = True
        if here.groups == 0 and len(here.group) < 2:
            self.done = True
            self.empty = not here.group
            self.root = here.group[0] if here.group else None
            return False
        if here.group:
            self._close(at, ready)
        self._above(at).total = here.groups
        return True

    def _above(self, at: int) -> _Level:
        if at + 1 == len(self._levels):
            self._levels.append(_Level())
        return self._levels[at + 1]

    def _close(self, at: int, ready: list[Asked]) -> bool:
        """A group is whole: it is asked about, or passed on where it is one value; whether it was passed on."""
        here, above = self._levels[at], self._above(at)
        values, here.group, here.held = here.group, [], 0
        place = here.groups
        here.groups += 1
        if len(values) > 1:
            ready.append((at + 1, place, {"results": values}))
            return False
        above.waiting[place] = values[0]
        return True


class _Level:
    """One level of a tree: values that wait for their turn, and the group that is being filled."""

    def __init__(self) -> None:
        self.waiting: dict[int, Json] = {}
        self.next = 0
        self.total: int | None = None
        self.group: list[Json] = []
        self.held = 0
        self.groups = 0
        self.over = False


class Fold:
    """One result after the other, in order: each ask sees what was made ``so_far``, and the ``next`` result.

    Without something to begin with it begins with the first result.
    """

    def __init__(self, results: int, begin: Json = SKIPPED) -> None:
        self.results = results
        self._waiting: dict[int, Json] = {}
        self._next = 0
        self._asks = False
        self.root: Json = None if begin is SKIPPED else begin
        self.empty = begin is SKIPPED
        self.done = results == 0

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        if level:
            self.root, self._asks = value, False
        else:
            self._waiting[index] = value
        while not self._asks and self._next in self._waiting:
            value = self._waiting.pop(self._next)
            self._next += 1
            if value is SKIPPED:
                continue
            if self.empty:
                self.root, self.empty = value, False
            else:
                self._asks = True
                return [(1, self._next - 1, {"so_far": self.root, "next": value})]
        self.done = not self._asks and self._next == self.results
        return []
