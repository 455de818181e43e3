"""Votes that choose their own number of samples.

Samples are counted in the order of their places, and whether they are enough is seen at the borders of batches alone:
short answers arrive first and differ from long ones, so that counting them as they arrive leans to them. A batch is
the fewest that could decide, so no sample more is taken than one by one.

A sample that is lost leaves a hole in that order. The vote goes on behind it, and has a value only where it would have
had this one whatever the lost samples had said: it counts them against the leader, and it remembers for which answers
they could have ended it.
"""

from __future__ import annotations

from fractions import Fraction

from .protocol import Json, Setting
from .voting import LOST, Vote


class Adaptive(Vote):
    """The base of adaptive votes. ``holds`` and ``further`` make the rule; ``holes`` are the places that are lost."""

    adaptive = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.holes: set[int] = set()
        self._ordered = True
        self._sure = False
        # The answers for which the vote could have ended before now; None is one that no sample gave.
        self._rivals: set[str | None] = set()
        self._border = min(setting.most, max(setting.least, self.further(), self.enough))

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        """Whether a leader with so many votes has won over a runner-up with so many."""
        raise NotImplementedError

    def could_hold(self, key: str | None, first: Fraction | int, second: Fraction | int) -> bool:
        """Whether an answer could have won by now: it has so many votes with those of the lost samples."""
        return self.holds(first, second)

    @property
    def place(self) -> int:
        """How many samples were looked at, in their order."""
        return self.ballots.seen + self.lost

    def _count(self, index: int, value: Json) -> None:
        if value is LOST:
            self.holes.add(index)
        super()._count(index, value)
        if self.lost:
            self._remember()
        if self.place < self._border:
            return
        if self.ballots.counted >= self.enough and self.settled() and not self._others():
            self._sure = True
        elif self._border < self.setting.most:
            more = max(1, self.further(), self.enough - self.ballots.counted)
            self._border = min(self.setting.most, self._border + more)

    def _remember(self) -> None:
        if self.place < self.setting.least or self.ballots.counted + self.lost < self.enough:
            return
        for key in (*self.ballots.ranked(), None):
            with_lost = self.ballots.votes(key) + self.lost
            if self.could_hold(key, with_lost, self.ballots.votes_beside(key)):
                self._rivals.add(key)

    def _others(self) -> set[str | None]:
        """The answers beside the leader that could have won before."""
        return self._rivals - set(self.ballots.ranked()[:1])

    # Deciding

    def settled(self) -> bool:
        first, second = self.ballots.leaders
        return self.holds(first, second + self.lost) and (not self.lost or self.ballots.lead > self.lost)

    def _over(self) -> bool:
        return self._sure

    @property
    def doubtful(self) -> bool:
        if not self.lost or self._sure:
            return False
        if self.ballots.counted < self.enough:
            return super().doubtful
        return bool(self._others()) or self.ballots.lead <= self.lost

    @property
    def hopeless(self) -> bool:
        if not self.lost or self._sure:
            return False
        coming = self.setting.most - self.place
        if None in self._rivals or len(self._rivals) > 1 or self.ballots.counted + coming < self.enough:
            return True
        winner = next(iter(self._rivals or self.ballots.ranked()[:1]), None)
        return self.ballots.votes(winner) + coming - self.ballots.votes_beside(winner) <= self.lost

    @property
    def decided(self) -> bool:
        return self.setting.launch != "together" and self._over()

    def wanted(self, launched: int) -> int:
        if self.setting.launch != "cost":
            return self.setting.most - launched
        return 0 if self.hopeless else max(0, self._border - launched)

    def succeeded(self) -> bool:
        return self._sure
