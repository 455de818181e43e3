"""The classes of a vote that compares its answers, and the questions about one ballot after another.

A `no` is final. The other way round could only show that the judge is not symmetric, and then the answers would count
as two all the same. A `yes` is in doubt if it would end the vote. Then two more things must hold: the answers are the
same the other way round, and the ballot is the same as a second text of that class, if there is one. A ballot that
fails one of them is not counted for the class, so the vote goes on, and the account tells of it.

So a vote of N samples asks N (N - 1) questions at most. i earlier ballots in c classes are i texts, of which c are
first texts. Each first text is asked about at most twice and each other text once, and 2 c + (i - c) is at most 2 i.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from flowrun.dsl import dataclass, types

from ...reducers.ballots import normal
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Classes
from .combiner import Asked


@dataclass(eq=False, slots=True)
class AnswerClass:
    """A class of answers. ``first`` is its first answer, and ``texts`` are its different texts, by their keys.

    ``size`` is its number of ballots.
    """

    first: Json
    texts: dict[str, Json] = field(default_factory=dict)
    size: int = 0

    @property
    def second(self) -> Json:
        """Another text of the class. None if it has only one."""
        return next((text for text in list(self.texts.values())[1:]), None)


@dataclass(eq=False, slots=True)
class ComparedBallot:
    """The ballot that is being compared. ``left`` are the classes to compare it with, the next one last.

    ``step`` is the question that is open: 0 for the first one about a class, 1 for the other way round, 2 for another
    text of the class. ``asked`` questions were made.
    """

    place: int
    value: Json
    answer: Json
    key: str
    left: list[AnswerClass]
    step: int = 0
    asked: int = 0

    @property
    def last(self) -> bool:
        """True if no further question about the class can follow a `yes`."""
        return self.step == 2 or (self.step == 1 and self.left[-1].second is None)


class Forming:
    """The classes of a vote so far. ``names`` are the names by which the judge sees two answers of this type.

    ``yes`` is its answer if they are the same.
    """

    def __init__(self, names: Sequence[str], yes: Json, type_: types.Type) -> None:
        self.classes: list[AnswerClass] = []
        self.account = Classes(())
        self._names = tuple(names)
        self._yes = str(yes)
        self._type = type_

    def ballot(self, place: int, value: Json, answer: Json) -> tuple[ComparedBallot, AnswerClass | None]:
        """Return a ballot with the classes to compare it with, or with the class that has its text.

        Without either it makes a class of its own.
        """
        key = normal(answer, self._type)
        # The stable sort keeps classes of one size in the order of their first ballots.
        ranked = sorted(self.classes, key=lambda one: -one.size)[::-1]
        known = next((one for one in self.classes if key in one.texts), None)
        # No other text says the same as an empty one.
        left = [] if _blank([key]) else [one for one in ranked if not _blank(one.texts)]
        return ComparedBallot(place, value, answer, key, left), known

    def question(self, ballot: ComparedBallot) -> Asked:
        """Ask whether a ballot says the same as a class."""
        of = ballot.left[-1]
        pair = ((of.first, ballot.answer), (ballot.answer, of.first), (ballot.answer, of.second))[ballot.step]
        number = ballot.asked
        ballot.asked += 1
        self.account = replace(self.account, questions=self.account.questions + 1)
        return Asked((ballot.place, number), dict(zip(self._names, pair, strict=True)), spare=True)

    def same(self, answer: Json) -> bool:
        """Tell whether the judge says that two answers are the same."""
        return str(answer) == self._yes

    def differs(self, ballot: ComparedBallot) -> None:
        """Record that a ballot is not of the class with which it was compared."""
        account = self.account
        self.account = replace(
            account,
            asymmetric=account.asymmetric + (ballot.step == 1),
            intransitive=account.intransitive + (ballot.step == 2),
        )
        ballot.left.pop()
        ballot.step = 0

    def missed(self) -> None:
        self.account = replace(self.account, failed=self.account.failed + 1)

    def join(self, ballot: ComparedBallot, of: AnswerClass | None) -> AnswerClass:
        """Count a ballot for a class, or make a class of it."""
        if of is None:
            of = AnswerClass(ballot.answer)
            self.classes.append(of)
        of.size += 1
        of.texts.setdefault(ballot.key, ballot.answer)
        return of

    def told(self, ballots: Iterable[tuple[Json, float]]) -> Classes:
        """Return the account, with the texts of each class in the order of these ballots."""
        texts = {normal(one.first, self._type): tuple(one.texts.values()) for one in self.classes}
        return replace(
            self.account,
            texts=tuple(texts.get(normal(answer, self._type), (answer,)) for answer, _ in ballots),
        )


def _blank(keys: Iterable[str]) -> bool:
    """Tell whether an answer is an empty text."""
    return '""' in keys
