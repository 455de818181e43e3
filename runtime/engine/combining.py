"""Two ways in which asks combine many results: a tree of merges, or a fold. Each ask goes out as soon as it is ready.

``take`` gets the value of a place and returns the asks that are ready: for each the place of its answer, and the values
that it sees. A place is (level, index); level 0 holds the results. Values keep the order of the results, whatever the
order in which they arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Json = Any
SKIPPED = object()
"""The mark in the place of a result that was lost."""
Asked = tuple[int, int, dict[str, Json]]


class Combining(Protocol):
    """A tree or a fold. ``done`` is set when only one value is left, the ``root``; ``empty`` when all are lost."""

    done: bool
    empty: bool
    root: Json

    def close(self, results: int) -> list[Asked]:
        """Take the number of results, which was not known at first. Return the asks that are ready."""

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        """Take the value of a place. Return the asks that are ready."""


class Merge:
    """A tree that merges ``fan_in`` values at a time. Each merge is asked as soon as all its values are there.

    ``leaves`` is the number of results, None if it is not known yet.
    """

    def __init__(self, leaves: int | None, fan_in: int) -> None:
        self.fan_in = fan_in
        self.sizes: list[int] | None = None if leaves is None else self._levels(leaves)
        self._values: dict[tuple[int, int], Json] = {}
        self.done = False
        self.empty = False
        self.root: Json = None

    def _levels(self, leaves: int) -> list[int]:
        sizes = [leaves]
        while sizes[-1] > 1:
            sizes.append(-(-sizes[-1] // self.fan_in))
        return sizes

    def close(self, results: int) -> list[Asked]:
        self.sizes = self._levels(results)
        ready: list[Asked] = []
        top = len(self.sizes) - 1
        if (top, 0) in self._values:
            return self.take(top, 0, self._values.pop((top, 0)))
        for level, size in enumerate(self.sizes[:-1]):
            # Only the last group of a level may be smaller, and so have waited for this.
            if place := self._group(level, (size - 1) // self.fan_in, ready):
                ready += self.take(*place)
        return ready

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        ready: list[Asked] = []
        place: tuple[int, int, Json] | None = (level, index, value)
        while place is not None:
            level, index, value = place
            if self.sizes is not None and level == len(self.sizes) - 1:
                self.done = True
                self.empty = value is SKIPPED
                self.root = None if self.empty else value
                return ready
            self._values[level, index] = value
            place = self._group(level, index // self.fan_in, ready)
        return ready

    def _group(self, level: int, group: int, ready: list[Asked]) -> tuple[int, int, Json] | None:
        """Close a group that has all its values: ask for its merge, or return its only value with the place above."""
        first = group * self.fan_in
        last = first + self.fan_in
        places = range(first, last if self.sizes is None else min(last, self.sizes[level]))
        if any((level, place) not in self._values for place in places):
            return None
        values = [self._values.pop((level, place)) for place in places]
        live = [one for one in values if one is not SKIPPED]
        if len(live) > 1:
            ready.append((level + 1, group, {"results": live}))
            return None
        return level + 1, group, live[0] if live else SKIPPED


class TokenMerge:
    """A tree whose merges take values in a row up to ``size`` tokens together, but at least two values.

    The first value that does not fit closes a group, so the groups depend on the values alone. ``leaves`` is the number
    of results, None if it is not known yet.
    """

    def __init__(self, leaves: int | None, size: int, tokens: Callable[[Json], int]) -> None:
        self.size = size
        self.tokens = tokens
        self._levels = [_Level()]
        self._levels[0].total = leaves
        self.done = leaves == 0
        self.empty = leaves == 0
        self.root: Json = None

    def close(self, results: int) -> list[Asked]:
        self._levels[0].total = results
        self.done = self.empty = results == 0
        return self._pass(0) if results else []

    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        self._levels[level].waiting[index] = value
        return self._pass(level)

    def _pass(self, level: int) -> list[Asked]:
        ready: list[Asked] = []
        todo = [level]
        while todo:
            at = todo.pop()
            moved = self._advance(at, ready)
            if moved:
                todo.append(at + 1)
        return ready

    def _advance(self, at: int, ready: list[Asked]) -> bool:
        """Put the values that are next in order into groups. Return True if the level above has something to do."""
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
        """Close a group: ask for its merge, or pass a single value up. Return True if it was passed up."""
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
    """A level of a tree: the values that wait for their turn, and the group that is being filled."""

    def __init__(self) -> None:
        self.waiting: dict[int, Json] = {}
        self.next = 0
        self.total: int | None = None
        self.group: list[Json] = []
        self.held = 0
        self.groups = 0
        self.over = False


class Fold:
    """A fold over the results in their order: each ask sees the value ``so_far`` and the ``next`` result.

    Without ``begin`` the fold begins with the first result. ``results`` is their number, None if it is not known yet.
    """

    def __init__(self, results: int | None, begin: Json = SKIPPED) -> None:
        self.results = results
        self._waiting: dict[int, Json] = {}
        self._next = 0
        self._asks = False
        self.root: Json = None if begin is SKIPPED else begin
        self.empty = begin is SKIPPED
        self.done = results == 0

    def close(self, results: int) -> list[Asked]:
        self.results = results
        self.done = not self._asks and self._next == results
        return []

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
