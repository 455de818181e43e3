"""The account of a vote: what was counted, and what that came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Tally:
    """How a vote ended. ``ballots`` are the answers with their votes, most first; votes may be weights.

    ``winner`` is the value of the vote, and ``first`` the answer behind it among the ballots: they differ where a
    field of a record is counted. ``planned`` is N; ``asked`` samples were sent, ``counted`` were ballots, and
    ``discarded`` samples were no ballot. An ``adaptive`` vote chose its own number of samples, up to N; ``settled``
    says whether its rule held by then. ``of`` is what a share is a part of: the ballots, or their weights, those that
    are missing included. ``values`` are the whole results that the ballots stand for, each that of the first sample
    with this answer. ``missing`` samples brought no answer, and ``unsent`` of them were never sent.
    """

    winner: Json
    ballots: tuple[tuple[Json, float], ...]
    planned: int
    discarded: int = 0
    adaptive: bool = False
    asked: int = 0
    counted: int = 0
    settled: bool = True
    first: Json = None
    of: float = 0
    values: tuple[Json, ...] = ()
    missing: int = 0
    unsent: int = 0

    @property
    def results(self) -> tuple[tuple[Json, float], ...]:
        """The whole results with their votes."""
        return tuple((value, count) for value, (_, count) in zip(self.values, self.ballots, strict=True))

    @property
    def votes(self) -> float:
        """The winner's."""
        return next((count for answer, count in self.ballots if answer == self.first), 0)

    @property
    def agreement(self) -> float:
        """The winner's share, from 0 to 1: at the least this, where ballots are missing."""
        return self.votes / self.of if self.of else 0.0

    @property
    def margin(self) -> float:
        """How many votes the winner has more than the next; below zero where a rule chose another than the leader."""
        others = [count for answer, count in self.ballots if answer != self.first]
        return self.votes - max(others, default=0)

    @property
    def saved(self) -> int:
        """Samples that the vote did without. One that is not settled for what it lost has saved none."""
        if self.missing and not self.settled:
            return 0
        return self.planned - self.asked - self.unsent
