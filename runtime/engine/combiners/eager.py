"""The base of combiners that ask before all results have arrived.

``take`` gets the value of a place and returns the questions that are ready. A place is (level, index). Level 0 holds
the results. Values keep the order of the results, in whatever order they arrive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from flowrun.dsl import types

from ...vocabulary.json_value import Json
from .combiner import NO_QUESTIONS, SKIPPED, Asked, PlainCombiner
from .nothing import value_of_nothing


class Eager(PlainCombiner, ABC):
    """A tree or a fold. Its value is the ``root``, the last value that is left. It is ``empty`` if it has no value."""

    eager = True

    def __init__(self, most: int | None, answer: types.Type) -> None:
        super().__init__(most or 0)
        self.answer = answer
        self.empty = True
        self.lost = False
        self.root: Json = None

    @abstractmethod
    def take(self, level: int, index: int, value: Json) -> list[Asked]:
        """Take the value of a place. Return the questions that are ready."""

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        return self.take(0, place, value)

    def skip(self, place: int) -> Sequence[Asked]:
        self.lost = True
        return self.take(0, place, SKIPPED)

    def conclude(self) -> Sequence[Asked]:
        return NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        level, index = place
        return self.take(level, index, value)

    def value(self) -> Json:
        return value_of_nothing(self.answer, lost=self.lost) if self.empty else self.root
