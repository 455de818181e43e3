"""A combiner that uses a reducer of the registry. The reducer's deciding ask gets its questions, as to break a tie."""

from __future__ import annotations

from collections.abc import Sequence

from ...reducers import Reducer
from ...values.candidates import Candidates
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally
from .combiner import NO_QUESTIONS, Asked


class RuleCombiner:
    """A combiner that uses a reducer of the registry. ``deciding`` is True if the flow gives the reducer an ask."""

    eager = False
    judging = False

    def __init__(self, reducer: Reducer, *, deciding: bool) -> None:
        self.reducer = reducer
        self.deciding = deciding
        self.done = False
        self._open = 0
        self._answers: dict[int, Json] = {}

    @property
    def decided(self) -> bool:
        return self.reducer.decided

    def wanted(self, launched: int) -> int:
        return self.reducer.wanted(launched)

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        self.reducer.add(place, value)
        return NO_QUESTIONS

    def skip(self, place: int) -> Sequence[Asked]:
        self.reducer.skip(place)
        return NO_QUESTIONS

    def lose(self, place: int, *, sent: bool) -> Sequence[Asked]:
        self.reducer.lose(place, sent=sent)
        return NO_QUESTIONS

    def close(self, total: int) -> Sequence[Asked]:
        return NO_QUESTIONS

    def conclude(self) -> Sequence[Asked]:
        asked = self.reducer.questions() if self.deciding else ()
        self._open = len(asked)
        self.done = not asked
        return [
            Asked((place,), {"results": (Candidates if one.numbered else list)(one.results)}, one.answer)
            for place, one in enumerate(asked)
        ]

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        self._answers[place[0]] = value
        if len(self._answers) == self._open:
            self.reducer.heard([self._answers[one] for one in range(self._open)])
            self.done = True
        return NO_QUESTIONS

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        return NO_QUESTIONS

    def value(self) -> Json:
        return self.reducer.value()

    def tally(self, launched: int) -> Tally | None:
        return self.reducer.tally(launched)
