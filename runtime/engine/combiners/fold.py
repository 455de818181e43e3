"""A fold: each question sees the value so far and the next result."""

from __future__ import annotations

from flowrun.dsl import types

from ...vocabulary.json_value import Json
from .combiner import SKIPPED, Asked
from .eager import Eager


class Fold(Eager):
    """A fold over the results in their order. Each ask sees the value ``so_far`` and the ``next`` result.

    ``begin`` is the first value; without it the fold begins with the first result. ``total`` is the number of results,
    None if it is not known yet.
    """

    def __init__(self, total: int | None, answer: types.Type, begin: Json = SKIPPED) -> None:
        super().__init__(total, answer)
        self.total = total
        self._waiting: dict[int, Json] = {}
        self._next = 0
        self._asks = False
        self.root = None if begin is SKIPPED else begin
        self.empty = begin is SKIPPED
        self.done = total == 0

    def close(self, total: int) -> list[Asked]:
        self.total = total
        self.done = not self._asks and self._next == total
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
                return [Asked((1, self._next - 1), {"so_far": self.root, "next": value})]
        self.done = not self._asks and self._next == self.total
        return []
