"""The common part of votes: ballots, abstentions, missing samples, ties, and the number of samples to launch.

A vote of a fixed number of samples is exact. It stops only when no further ballot can change its outcome. So its value
is the one that all N ballots would give, in whatever order they arrive. If the call of a sample brings no answer (for
lack of money, a key or a server), the sample is lost for good. It does not count as an abstention. If a lost sample
could decide the vote, the vote has no value.

A vote stands against f samples if its winner is the same whatever any f of them had brought: another answer, no ballot,
or no answer at all. A failure is no winner. The winner is that of the rule without its argument ``stands``. Samples
that are not counted yet may bring anything. So they count like lost samples, and one costs half as much as a changed
ballot: a changed ballot may take a vote from the leader and give one to the runner-up. A tie never stands, because a
changed ballot can be the first sample with its answer. The module of each rule has its arithmetic.

With ``stands: f`` a vote ends when it stands against f samples, and fails when it cannot. Suppose that f samples had
been different. Then such a vote has the same winner or none: it may ask for more samples, and may fail.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .ballots import Ballots, Votes, who_said, written_alike
from .protocol import Question, Setting

LOST = object()
"""The stand-in for a sample whose call never brought an answer."""


class Vote:
    """The base of rules that count ballots. A rule defines ``settled``, ``further``, ``fewest`` and ``standing``.

    ``lost`` counts the samples that brought no answer and never will. ``unsent`` counts those of them that were never
    sent. ``heaviest`` is the greatest weight of one ballot.
    """

    adaptive = False
    heaviest: Votes = 1

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.by: str | None = setting.args.get("by")
        self.ballots = Ballots(self.answer_type())
        self.enough = max(1, int(setting.args.get("at_least", 1)))
        self.lost = 0
        self.unsent = 0
        self._chosen: str | None = None
        # The places of the samples, with their results if the vote is a panel: its tally tells who said what.
        self._seen: dict[int, Json] = {}
        # Equal answers may be written differently. Which writing becomes the value must not depend on the arrival.
        self._alike = self.by is None and written_alike(setting.item)
        self._ordered = setting.tallied and setting.launch == "latency"
        self._waiting: dict[int, Json] = {}
        self._next = 0

    def answer_type(self) -> types.Type:
        """Return the type of the counted answers. The answers are the results, or one of their fields."""
        item = types.unwrapped(self.setting.item)
        field = item.field(self.by) if self.by is not None and isinstance(item, types.Record | types.Union) else None
        return item if self.by is None else types.UNKNOWN if field is None else field.type

    def add(self, index: int, value: Json) -> None:
        if self._ordered:
            self._in_order(index, value)
        else:
            self._count(index, value)

    def skip(self, index: int) -> None:
        self.add(index, None)

    def lose(self, index: int, *, sent: bool) -> None:
        self.unsent += not sent
        self.add(index, LOST)

    def _count(self, index: int, value: Json) -> None:
        self._seen[index] = None
        if value is LOST:
            self.lost += 1
        # A body that was skipped abstains.
        elif value is None or not self.cast(index, value):
            self.ballots.skip()
        elif self.setting.items:
            self._seen[index] = value

    def _in_order(self, index: int, value: Json) -> None:
        """Count the samples in the order of their places and stop when they decide.

        A flow that reads the tally sees the tally of exactly these samples.
        """
        self._waiting[index] = value
        while self._next in self._waiting and not self.closed:
            self._count(self._next, self._waiting.pop(self._next))
            self._next += 1

    @property
    def closed(self) -> bool:
        """True if the vote counts no further ballots, also if they come."""
        return self._ordered and (self._over() or self.fallen)

    def cast(self, index: int, value: Json) -> bool:
        """Count one ballot. Return False if the value is not a ballot."""
        answer = value if self.by is None else value.get(self.by)
        if answer is None:
            return False
        self.ballots.add(index, answer, value)
        return True

    def settled(self) -> bool:
        """Tell whether the ballots so far decide the vote, whatever the missing ones will be."""
        raise NotImplementedError

    def further(self) -> int:
        """Return the fewest further ballots that could decide the vote."""
        raise NotImplementedError

    def to_stand(self) -> int:
        """Return the fewest further ballots that could give the vote a winner that stands."""
        return self.further()

    def until_fallen(self, dissents: int) -> int:
        """Return the fewest further ballots after which the vote fails, if it can no longer stand after ``dissents``.

        A vote that is to stand takes its fewest samples before it fails, however many are open at once.
        """
        return max(self.fewest() - self.ballots.seen, dissents, 1) if self.against else self.setting.most

    def fewest(self) -> int:
        """Return the fewest ballots that decide the vote, if all agree."""
        return self.setting.most

    def standing(self) -> int:
        """Return a number of samples against which the winner stands. 0 if there is no winner."""
        return 0

    @property
    def may_end(self) -> bool:
        """True if the next ballot could end the vote."""
        return max(self.further(), self.lacking) <= 1

    @property
    def against(self) -> int:
        """The number of samples against which the flow wants the vote to stand."""
        return max(0, int(self.setting.args.get("stands") or 0))

    @property
    def lacking(self) -> int:
        """The number of ballots that must still come, so that there are enough without those that could be changed."""
        return self.enough + self.against - self.ballots.counted

    @property
    def spare(self) -> int:
        """The greatest number of ballots that could be taken away and leave enough."""
        return max(0, self.ballots.counted - self.enough)

    @property
    def open(self) -> int:
        """The number of samples that are not counted: those that may still come, and the lost ones."""
        return self.setting.most - self.ballots.seen

    def _over(self) -> bool:
        return self.lacking <= 0 and self.settled()

    @property
    def undecided(self) -> Json:  # what becomes of the vote if its rule does not hold; None if the flow does not say
        return self.setting.args.get("undecided")

    @property
    def ended(self) -> bool:
        """True if a budget has ended, and the flow says that the vote then holds its leader or has no value."""
        return 0 < self.unsent == self.lost and self.undecided in ("first", "none")

    @property
    def doubtful(self) -> bool:
        """True if the lost samples could change the outcome of the vote."""
        if not self.lost or self.ended:
            return False
        enough = self.ballots.counted >= self.enough
        if enough:
            return not self.settled() and (not self.against or max(self.to_stand(), self.lacking) <= self.open)
        return self.ballots.counted + self.open >= self.enough

    @property
    def hopeless(self) -> bool:
        """True if the vote cannot be settled, or cannot stand. Then it asks for no more samples."""
        taken = self.ballots.seen + self.lost
        falls = self.against > 0 and self.setting.launch != "together" and taken >= self.fewest()
        return (self.lost > 0 or falls) and max(self.to_stand(), self.lacking) > self.open - self.lost

    @property
    def fallen(self) -> bool:
        """True if the vote cannot stand, whatever may still come."""
        return self.against > 0 and not self.lost and self.hopeless

    @property
    def decided(self) -> bool:
        if self.setting.launch == "together" or not (self.fallen or self._over()):
            return False
        if self.fallen or self.setting.launch == "cost" or self._alike or not self.ballots.counted:
            return True
        first = self.ballots.first(self.ballots.ranked()[0])
        return all(index in self._seen for index in range(first))

    def wanted(self, launched: int) -> int:
        if self.ended:
            return 0
        if self.setting.launch != "cost":
            return 0 if self.hopeless else self.setting.most - launched
        return self.to_decide(launched)

    def to_decide(self, launched: int) -> int:
        """Return the further samples that could decide the vote if they agree."""
        left = 0 if self.hopeless else self.setting.most - launched
        flying = launched - self.ballots.seen - self.lost
        # The vote needs at least this many more ballots to be decided, so asking for them at once wastes none.
        useful = max(1, self.further(), self.lacking)
        return max(0, min(useful - flying, left))

    def questions(self) -> Sequence[Question]:
        asks = self.setting.asks and not self.against and not self.ended
        if not asks or self.ballots.counted < self.enough or len(self.ballots.tied) < 2 or self.doubtful:
            return ()
        tied = tuple(self.ballots.answer(key) for key in self.ballots.tied)
        if all(isinstance(answer, str) and answer.strip() for answer in tied):
            return (Question(tied, types.Choice(tied)),)
        return (Question(tied, types.Range(1, len(tied))),)

    def heard(self, answers: Sequence[Json]) -> None:
        (answer,) = answers
        tied = self.ballots.tied
        # An ask chooses answers that are not texts by their number.
        self._chosen = tied[answer - 1] if isinstance(answer, int) else self.ballots.key(answer)

    @property
    def silent(self) -> bool:
        """True if the vote names nothing because its rule does not hold, as the flow wants."""
        return self.ended and self.undecided == "none" and not self._over()

    def value(self) -> Json:
        if self.silent:
            return None
        tie = self._chosen is None and len(self.ballots.tied) > 1 and self.setting.args.get("ties") == "error"
        if self.ballots.counted < self.enough or self.doubtful or tie or not self.stood:
            from .vote_words import refusal

            raise refusal(self)
        return self.ballots.value(self.winner())

    def winner(self) -> str:
        """Return the key of the answer with the most votes.

        If answers have equal votes, the one with the lowest index wins, or the one that an ask chose.
        """
        return self._chosen or self.ballots.ranked()[0]

    @property
    def stood(self) -> bool:
        """True if the winner stands against as many samples as the flow wants."""
        return not self.against or self.standing() >= self.against

    def succeeded(self) -> bool:
        """Tell whether the vote met its rule, for votes that may end without meeting it."""
        return True

    def tally(self, launched: int) -> Tally | None:
        ballots = self.ballots
        if not ballots.counted:
            from .unheard import unheard  # few votes have no ballot

            return unheard(self)
        winner = self.winner()
        return Tally(
            None if self.silent else ballots.value(winner),
            ballots.counts(),
            self.setting.most,
            ballots.discarded,
            self.adaptive,
            max(launched, ballots.seen + self.lost) - self.unsent,
            ballots.counted,
            self.succeeded() and not self.doubtful and self.stood and (not self.ended or self._over()),
            ballots.answer(winner),
            float(ballots.total + self.lost * self.heaviest),
            tuple(ballots.value(key) for key in ballots.ranked()),
            self.lost,
            self.unsent,
            self.standing(),
            self.setting.unit,
            who_said(self.setting.items, self._seen, self.by, self.answer_type()) if self.setting.items else None,
        )
