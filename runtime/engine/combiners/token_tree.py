"""A tree of merges. Each merge takes as many values as fit into a number of tokens."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.dsl import types

from ...vocabulary.json_value import Json
from .combiner import SKIPPED, Asked
from .eager import Eager


class TokenTree(Eager):
    """A tree of merges. Each takes neighbouring values of up to ``size`` tokens in all, but at least two values.

    A value that does not fit closes the group. So the groups depend on the values alone. ``leaves`` is the number of
    results, None if it is not known yet.
    """

    def __init__(self, leaves: int | None, size: int, answer: types.Type, tokens: Callable[[Json], int]) -> None:
        super().__init__(leaves, answer)
        self.size = size
        self.tokens = tokens
        self._levels = [_Level()]
        self._levels[0].total = leaves
        self.done = leaves == 0

    def close(self, total: int) -> list[Asked]:
        self._levels[0].total = total
        self.done = total == 0
        return self._pass(0) if total else []

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
        """Put the next values into groups. Return True if the level above has work."""
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
            ready.append(Asked((at + 1, place), {"results": values}))
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
