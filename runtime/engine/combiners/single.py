"""Combiners that make one question of all results, for an ask or for an extern."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import types

from ...values.expressions import shaped
from ...vocabulary.json_value import Json
from .combiner import NO_QUESTIONS, Asked, PlainCombiner
from .nothing import value_of_nothing


class SingleAsk(PlainCombiner):
    """A combiner that asks once, about all results. If there are no results, it asks nothing."""

    def __init__(self, most: int, answer: types.Type) -> None:
        super().__init__(most)
        self.answer = answer
        self.lost = False
        self._root: list[Json] = []

    def skip(self, place: int) -> Sequence[Asked]:
        self.lost = True
        return NO_QUESTIONS

    def conclude(self) -> Sequence[Asked]:
        self.done = not self.results
        return [Asked((), {"results": self.in_order()})] if self.results else NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        self._root, self.done = [value], True
        return NO_QUESTIONS

    def value(self) -> Json:
        return self._root[0] if self._root else value_of_nothing(self.answer, lost=self.lost)


class SingleExtern(PlainCombiner):
    """A combiner that calls an extern once, even without results.

    The results are cut to the extern's ``taken`` type.
    """

    def __init__(self, most: int, taken: types.Type) -> None:
        super().__init__(most)
        self.taken = taken
        self._value: Json = None

    def conclude(self) -> Sequence[Asked]:
        return [Asked((), {"results": shaped(self.in_order(), self.taken)})]

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        self._value, self.done = value, True
        return NO_QUESTIONS

    def value(self) -> Json:
        return self._value
