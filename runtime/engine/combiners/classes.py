"""A combiner of votes that compare their answers. Answers that say the same are one class, and count as one.

Ballots are taken in the order of their places, whatever the order of their arrival. A ballot is compared with the first
text of each class so far, the largest class first, and of equal classes the first. The first class that says the same
takes it, and without one it makes a class of its own. A text that equals one of a class by the rules of ballots needs no
question. So the classes depend only on the ballots in their order and on the judge. The rule of the vote sees each
ballot with the first answer of its class, and stops as it stops for any other answers.

A `no` is final. The other way round could only show that the judge is not symmetric, and then the answers would count as
two all the same. A `yes` is in doubt if it would end the vote. Then two more things must hold: the answers are the same
the other way round, and the ballot is the same as a second text of that class, if there is one. A ballot that fails one
of them is not counted for the class, so the vote goes on, and the account tells of it. So a vote of N samples asks
N (N - 1) questions at most: i earlier ballots in c classes are i texts, of which c are first texts. Each first text is
asked about at most twice and each other text once, and c + i is at most 2 i.

If a question brings no answer, the ballot could be of any class. So it counts as missing, as a sample without an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace

from flowrun.dsl import dataclass

from ...reducers import Reducer
from ...reducers.ballots import normal
from ...reducers.voting import Vote
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Classes, Tally
from .combiner import NO_QUESTIONS, Asked

_NONE = object()
"""The stand-in for a sample that is no ballot."""


@dataclass(eq=False, slots=True)
class _Class:
    """A class of answers. ``first`` is its first answer, and ``keys`` are its different texts with their answers.

    ``size`` is its number of ballots.
    """

    first: Json
    keys: dict[str, Json] = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Lost:
    sent: bool


@dataclass(eq=False, slots=True)
class _Ballot:
    """The ballot that is being compared. ``left`` are the classes to compare it with, the next one last.

    ``step`` is the question that is open: 0 for the first one about a class, 1 for the other way round, 2 for another
    text of the class.
    """

    place: int
    value: Json
    answer: Json
    key: str
    left: list[_Class]
    step: int = 0
    asked: int = 0


class ClassCombiner:
    """A combiner of votes that compare their answers.

    ``make`` makes the rule of the vote, or with True the same rule with `launch: cost`, to try a ballot. ``names`` are
    the names by which the judge sees two answers, and ``yes`` is its answer if they are the same.
    """

    eager = False

    def __init__(
        self,
        make: Callable[[bool], Vote],
        names: Sequence[str],
        yes: Json,
    ) -> None:
        self.reducer = make(False)
        self.done = False
        self._make = make
        self._type = self.reducer.ballots.type
        self._counted = self.reducer.field
        self._names = tuple(names)
        self._yes = yes
        self._ended = False
        self._waiting: dict[int, Json] = {}
        self._taken: list[tuple[int, Json]] = []
        self._classes: list[_Class] = []
        self._ballot: _Ballot | None = None
        self._closed = False
        self._account = Classes(())

    # Results

    @property
    def waits(self) -> bool:
        """True if the answer to a question may still change what the vote needs."""
        return self._ballot is not None

    @property
    def decided(self) -> bool:
        return self.reducer.decided

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
        while self._ballot is None and not self.reducer.decided and (place := self._next()) is not None:
            value = self._waiting.pop(place)
            answer = self._answer(value)
            if answer is None:
                self._give(place, value)
                continue
            key = normal(answer, self._type)
            # The stable sort keeps classes of one size in the order of their first ballots.
            ranked = sorted(self._classes, key=lambda one: -one.size)
            ballot = _Ballot(place, value, answer, key, [one for one in reversed(ranked) if not _blank(one.keys)])
            if known := next((one for one in ranked if key in one.keys), None):
                self._join(ballot, known)
            elif not ballot.left or _blank([key]):
                self._found(ballot)
            else:
                self._ballot = ballot
                return [self._question(ballot)]
        self.done = self._closed and self._ballot is None
        return NO_QUESTIONS

    def _answer(self, value: Json) -> Json:
        """Return the answer that the vote counts. None if the sample is no ballot."""
        if value is _NONE or isinstance(value, _Lost) or value is None:
            return None
        return value if self._counted is None else value.get(self._counted)

    # Classes

    def _question(self, ballot: _Ballot) -> Asked:
        """Ask whether a ballot says the same as a class."""
        of = ballot.left[-1]
        pair = (of.first, ballot.answer)
        if ballot.step == 1:
            pair = (ballot.answer, of.first)
        elif ballot.step == 2:
            pair = (ballot.answer, _second(of))
        number = ballot.asked
        ballot.asked += 1
        self._account = replace(self._account, questions=self._account.questions + 1)
        return Asked((ballot.place, number), dict(zip(self._names, pair, strict=True)), spare=True)

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        ballot = self._ballot
        assert ballot is not None
        of, same = ballot.left[-1], str(value) == str(self._yes)
        if same and (ballot.step == 2 or (ballot.step == 1 and len(of.keys) < 2) or not self._doubted(ballot, of)):
            self._join(ballot, of)
        elif same:
            ballot.step += 1
            return [self._question(ballot)]
        else:
            self._account = replace(
                self._account,
                asymmetric=self._account.asymmetric + (ballot.step == 1),
                intransitive=self._account.intransitive + (ballot.step == 2),
            )
            ballot.left.pop()
            ballot.step = 0
            if ballot.left:
                return [self._question(ballot)]
            self._found(ballot)
        self._ballot = None
        return self._go_on()

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        """Record that a question brought no answer. Its ballot could be of any class, so it is missing."""
        ballot = self._ballot
        assert ballot is not None
        self._ballot = None
        self._account = replace(self._account, failed=self._account.failed + 1)
        self._give(ballot.place, _Lost(sent=True))
        return self._go_on()

    def _doubted(self, ballot: _Ballot, of: _Class) -> bool:
        """Tell whether a ballot would end the vote if it is of this class."""
        if ballot.step == 1:
            return True
        if self._ended or not self.reducer.may_end:
            return False
        probe = self._make(True)
        for place, value in self._taken:
            _pass(probe, place, value)
        self._ended = probe.decided
        if self._ended:
            return False
        _pass(probe, ballot.place, self._like(ballot, of))
        return probe.decided

    def _join(self, ballot: _Ballot, of: _Class) -> None:
        of.size += 1
        of.keys.setdefault(ballot.key, ballot.answer)
        self._give(ballot.place, self._like(ballot, of))

    def _found(self, ballot: _Ballot) -> None:
        """Make a class of a ballot."""
        self._classes.append(_Class(ballot.answer, {ballot.key: ballot.answer}, 1))
        self._give(ballot.place, ballot.value)

    def _like(self, ballot: _Ballot, of: _Class) -> Json:
        """Return the result of a ballot with the first answer of its class."""
        return of.first if self._counted is None else {**ballot.value, self._counted: of.first}

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
        texts = {normal(one.first, self._type): len(one.keys) for one in self._classes}
        wordings = tuple(texts.get(normal(answer, self._type), 1) for answer, _ in tally.ballots)
        return replace(tally, classes=replace(self._account, wordings=wordings), stands=None)


def _blank(keys: Iterable[str]) -> bool:
    """Tell whether an answer is an empty text. No other text says the same."""
    return '""' in keys


def _second(of: _Class) -> Json:
    """Return the second text of a class."""
    return list(of.keys.values())[1]


def _pass(reducer: Reducer, place: int, value: Json) -> None:
    if value is _NONE:
        reducer.skip(place)
    elif isinstance(value, _Lost):
        reducer.lose(place, sent=value.sent)
    else:
        reducer.add(place, value)
