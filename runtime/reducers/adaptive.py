"""Votes that choose their own number of samples.

Samples are counted in the order of their places. At the end of each batch the vote checks whether they are enough. It
does not count samples as they arrive, because short answers arrive first and differ from long ones. A batch is the
fewest samples that could decide, so the vote takes no more samples than it would one by one.

A lost sample leaves a gap in that order. The vote continues behind the gap. It has a value only if every possible
answer of the lost samples would give the same value. To find out, the vote counts the lost samples as votes against the
leader. It also remembers for which answers they could have ended the vote.
"""

from __future__ import annotations

from fractions import Fraction

from ..vocabulary.json_value import Json
from .protocol import Setting
from .voting import LOST, Vote


class Adaptive(Vote):
    """The base of adaptive votes.

    A rule defines ``holds`` and ``further``. ``holes`` are the places of lost samples.
    """

    adaptive = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.holes: set[int] = set()
        self._ordered = True
        self._sure = False
        # The answers for which the vote could have ended earlier. None stands for an answer that no sample gave.
        self._rivals: set[str | None] = set()
        self._border = min(setting.most, max(setting.least, self.further(), self.enough))

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        """Tell whether a leader with ``first`` votes has won over a runner-up with ``second`` votes."""
        raise NotImplementedError

    def could_hold(self, key: str | None, first: Fraction | int, second: Fraction | int) -> bool:
        """Tell whether an answer could have won already. ``first`` counts its votes and all the lost samples."""
        return self.holds(first, second)

    @property
    def place(self) -> int:
        """The number of samples looked at so far, in the order of their places."""
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
        """Return the answers other than the leader for which the vote could have ended earlier."""
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
