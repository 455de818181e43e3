"""A list that is never whole in memory: its results are handed on as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .combiner import NO_QUESTIONS, SKIPPED, Gathered, Question

Json = Any


class Streaming(Gathered):
    """A combiner in place of a list. It hands on each result in the order of the input.

    A result waits here only for its turn. The value is the number of results. A ``flat`` list joins lists.
    """

    def __init__(self, most: int, hand_on: Callable[[Json], None], *, flat: bool) -> None:
        super().__init__(most)
        self.hand_on = hand_on
        self.flat = flat
        self.count = 0
        self._next = 0

    def add(self, place: int, value: Json) -> Sequence[Question]:
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

    def skip(self, place: int) -> Sequence[Question]:
        return self.add(place, SKIPPED)

    def conclude(self) -> Sequence[Question]:
        self.done = True
        return NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Question]:
        return NO_QUESTIONS

    def value(self) -> Json:
        return self.count
