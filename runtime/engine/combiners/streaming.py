"""A combiner that hands results to the caller one by one. So the whole list is never in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...vocabulary.json_value import Json
from .combiner import NO_QUESTIONS, SKIPPED, Asked, PlainCombiner


class Streaming(PlainCombiner):
    """A combiner that hands each result on, in the order of the input.

    It keeps a result only until all results before it have come. Its value is the number of results. If it is ``flat``,
    each result is a list, and its items are handed on.
    """

    def __init__(self, most: int, hand_on: Callable[[Json], None], *, flat: bool) -> None:
        super().__init__(most)
        self.hand_on = hand_on
        self.flat = flat
        self.count = 0
        self._next = 0

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        self.results[place] = value
        while self._next in self.results:
            value = self.results.pop(self._next)
            self._next += 1
            if value is SKIPPED:
                continue
            for one in (value or ()) if self.flat else (value,):
                self.hand_on(one)
                self.count += 1
        return NO_QUESTIONS

    def skip(self, place: int) -> Sequence[Asked]:
        return self.add(place, SKIPPED)

    def conclude(self) -> Sequence[Asked]:
        self.done = True
        return NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        return NO_QUESTIONS

    def value(self) -> Json:
        return self.count
