"""A combiner of votes that compare their answers. Answers that say the same are one class, and count as one.

Ballots are taken in the order of their places, whatever the order of their arrival. A ballot is compared with the first
text of each class so far, the largest class first, and of equal classes the first. The first class that says the same
takes it, and without one it makes a class of its own. A text that equals one of a class by the rules of ballots needs
no question. So the classes depend only on the ballots in their order and on the judge. The rule of the vote sees each
ballot with the first answer of its class, and stops as it stops for any other answers. ``forming`` has the questions.

If a question brings no answer, the ballot could be of any class. So it counts as missing, like a sample without an
answer. If the budget ended before the question, the ballot counts like a sample that was never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from flowrun.dsl import dataclass

from ...reducers import Reducer
from ...reducers.voting import Vote
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally
from .combiner import NO_QUESTIONS, Asked
from .forming import AnswerClass, ComparedBallot, Forming

_NONE = object()
"""The stand-in for a sample that is no ballot."""


@dataclass(frozen=True, slots=True)
class _Lost:
    sent: bool


class ClassCombiner:
    """A combiner of votes that compare their answers.

    ``make`` makes the rule of the vote, or with True the same rule with `launch: cost`, to try a ballot. ``names`` are
    the names by which the judge sees two answers, and ``yes`` is its answer if they are the same.
    """

    eager = False

    def __init__(self, make: Callable[[bool], Vote], names: Sequence[str], yes: Json) -> None:
        self.reducer = make(False)
        self.done = False
        self._make = make
        self._forming = Forming(names, yes, self.reducer.ballots.type)
        self._ballot: ComparedBallot | None = None
        self._waiting: dict[int, Json] = {}
        self._taken: list[tuple[int, Json]] = []
        self._closed = False
        self._ended = False

    # Results

    @property
    def judging(self) -> bool:
        return self._ballot is not None

    @property
    def decided(self) -> bool:
        return self.reducer.decided

    @property
    def _enough(self) -> bool:
        return self.reducer.decided or self.reducer.closed

    def wanted(self, launched: int) -> int:
        return self.reducer.wanted(launched)

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        return self._take(place, value)

    def skip(self, place: int) -> Sequence[Asked]:
        return self._take(place, _NONE)

    def lose(self, place: int, *, sent: bool) -> Sequence[Asked]:
        return self._take(place, _Lost(sent))

    def close(self, total: int) -> Sequence[Asked]:
        return NO_QUESTIONS

    def conclude(self) -> Sequence[Asked]:
        self._closed = True
        return self._go_on()

    def _take(self, place: int, value: Json) -> Sequence[Asked]:
        self._waiting[place] = value
        return self._go_on()

    def _next(self) -> int | None:
        """Return the place of the next ballot. A gap before it is a sample that was never asked for."""
        place = len(self._taken)
        if place in self._waiting:
            return place
        return min(self._waiting, default=None) if self._closed else None

    def _go_on(self) -> Sequence[Asked]:
        """Take ballots in their order, up to one that needs a question."""
        while self._ballot is None and not self._enough and (place := self._next()) is not None:
            value = self._waiting.pop(place)
            answer = self._answer(value)
            if answer is None:
                self._give(place, value)
                continue
            ballot, known = self._forming.ballot(place, value, answer)
            if known is None and ballot.left:
                self._ballot = ballot
                return [self._forming.question(ballot)]
            self._join(ballot, known)
        self.done = self._closed and self._ballot is None
        return NO_QUESTIONS

    def _answer(self, value: Json) -> Json:
        """Return the answer that the vote counts. None if the sample is no ballot."""
        if value is _NONE or value is None or isinstance(value, _Lost):
            return None
        return value if self.reducer.by is None else value.get(self.reducer.by)

    # Questions

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        ballot, forming = self._ballot, self._forming
        assert ballot is not None
        of: AnswerClass | None = ballot.left[-1]
        if not forming.same(value):
            forming.differs(ballot)
            if ballot.left:
                return [forming.question(ballot)]
            of = None
        elif not ballot.last and (ballot.step == 1 or self._ends(ballot)):
            ballot.step += 1
            return [forming.question(ballot)]
        self._ballot = None
        self._join(ballot, of)
        return self._go_on()

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        ballot = self._ballot
        assert ballot is not None
        self._ballot = None
        self._forming.missed()
        self._give(ballot.place, _Lost(sent))
        return self._go_on()

    def _ends(self, ballot: ComparedBallot) -> bool:
        """Tell whether a ballot would end the vote if it is of the class with which it is compared."""
        if self._ended or not self.reducer.may_end:
            return False
        probe = self._make(True)
        for place, value in self._taken:
            _pass(probe, place, value)
        self._ended = probe.decided
        if self._ended:
            return False
        _pass(probe, ballot.place, self._like(ballot, ballot.left[-1]))
        return probe.decided

    def _join(self, ballot: ComparedBallot, of: AnswerClass | None) -> None:
        self._give(ballot.place, self._like(ballot, self._forming.join(ballot, of)))

    def _like(self, ballot: ComparedBallot, of: AnswerClass) -> Json:
        """Return the result of a ballot with the first answer of its class."""
        by = self.reducer.by
        return of.first if by is None else {**ballot.value, by: of.first}

    def _give(self, place: int, value: Json) -> None:
        self._taken.append((place, value))
        _pass(self.reducer, place, value)

    # The end

    def value(self) -> Json:
        return self.reducer.value()

    def tally(self, launched: int) -> Tally | None:
        tally = self.reducer.tally(launched)
        if tally is None:
            return None
        return replace(tally, classes=self._forming.told(tally.ballots), stands=None)


def _pass(reducer: Reducer, place: int, value: Json) -> None:
    if value is _NONE:
        reducer.skip(place)
    elif isinstance(value, _Lost):
        reducer.lose(place, sent=value.sent)
    else:
        reducer.add(place, value)
