"""A tree of merges. Each merge takes a fixed number of values."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import types

from .combiner import SKIPPED, Question
from .eager import Eager

Json = Any


class Tree(Eager):
    """A tree that merges ``fan_in`` values at a time. It asks for a merge as soon as all values of the group are there.

    ``leaves`` is the number of results, None if it is not known yet.
    """

    def __init__(self, leaves: int | None, fan_in: int, answer: types.Type) -> None:
        super().__init__(leaves, answer)
        self.fan_in = fan_in
        self.sizes: list[int] | None = None if leaves is None else self._levels(leaves)
        self._values: dict[tuple[int, int], Json] = {}
        self.done = leaves == 0

    def _levels(self, leaves: int) -> list[int]:
        sizes = [leaves]
        while sizes[-1] > 1:
            sizes.append(-(-sizes[-1] // self.fan_in))
        return sizes

    def close(self, total: int) -> list[Question]:
        self.sizes = self._levels(total)
        if not total:
            self.done = True
            return []
        ready: list[Question] = []
        top = len(self.sizes) - 1
        if (top, 0) in self._values:
            return self.take(top, 0, self._values.pop((top, 0)))
        for level, size in enumerate(self.sizes[:-1]):
            # The last group of a level may be smaller than the others, so it waited until the total was known.
            if place := self._group(level, (size - 1) // self.fan_in, ready):
                ready += self.take(*place)
        return ready

    def take(self, level: int, index: int, value: Json) -> list[Question]:
        ready: list[Question] = []
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

    def _group(self, level: int, group: int, ready: list[Question]) -> tuple[int, int, Json] | None:
        """Close a group that has all its values. Ask for its merge; a single value is returned with its place above.

        Return None if the group waits for values or for its merge.
        """
        first = group * self.fan_in
        last = first + self.fan_in
        places = range(first, last if self.sizes is None else min(last, self.sizes[level]))
        if any((level, place) not in self._values for place in places):
            return None
        values = [self._values.pop((level, place)) for place in places]
        live = [one for one in values if one is not SKIPPED]
        if len(live) > 1:
            ready.append(Question((level + 1, group), {"results": live}))
            return None
        return level + 1, group, live[0] if live else SKIPPED
