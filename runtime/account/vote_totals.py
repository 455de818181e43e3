"""The totals of a run's votes: how many were decided, ended with the budget, or stayed open after all samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..vocabulary.amounts import count_text

if TYPE_CHECKING:
    from ..vocabulary.tally import Tally
    from .summary import Summary


@dataclass(frozen=True, slots=True)
class VoteTotals:
    """The totals of ``votes``. ``decided`` are those whose rule held. ``ended`` are those that the budget left open."""

    votes: int
    decided: int
    ended: int

    @property
    def undecided(self) -> int:
        """The votes that stayed open after all their samples."""
        return self.votes - self.decided - self.ended

    @property
    def text(self) -> str:
        """The totals in words. "" if the budget left no vote open."""
        if not self.ended:
            return ""
        told = f"{self.decided:,} of {count_text(self.votes, 'vote')} decided, {self.ended:,} ended with the budget"
        return told + (f", {self.undecided:,} undecided after all samples" if self.undecided else "")

    def as_json(self) -> dict[str, int]:
        """Return the totals as plain data."""
        return {
            "votes": self.votes,
            "decided": self.decided,
            "ended": self.ended,
            "undecided": self.undecided,
        }


def vote_totals(tallies: Iterable[Tally]) -> VoteTotals:
    """Count the votes of a run. Searches and tournaments are no votes."""
    votes = [tally for tally in tallies if tally.contest is None]
    decided = sum(tally.settled for tally in votes)
    return VoteTotals(len(votes), decided, sum(tally.unsent > 0 and not tally.settled for tally in votes))


def totals_json(tallies: Iterable[Tally]) -> dict[str, dict[str, int]]:
    """Return the totals of a run as the part of its account in JSON. A run without votes has no such part."""
    totals = vote_totals(tallies)
    return {"vote_totals": totals.as_json()} if totals.votes else {}


def counted_calls(summary: Summary, most: int) -> int:
    """Return the calls that a budget of ``most`` calls counted.

    A resumed run does not count the refused calls of earlier ones. A call that is sent again after a refusal counts
    once, so a budget never counts more than ``most``.
    """
    refused = summary.whole.refused - summary.account.refused
    return min(most, summary.whole.sent - refused)
