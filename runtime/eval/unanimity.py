"""Votes without dissent: one call each would have given the same answers."""

from __future__ import annotations

from collections.abc import Mapping

from ..vocabulary.tally import Tally

ENOUGH = 10
"""Of fewer votes than this no advice is given: a few unanimous votes say little about the next one."""
WORTH = 0.1
"""Advice that saves less than this share of a run's calls is not given."""


def unanimous(tally: Tally) -> bool:
    """Tell whether all samples gave one answer, and none was lost or discarded."""
    return len(tally.ballots) == 1 and not tally.missing and not tally.discarded and tally.settled


def run_advice(tallies: Mapping[str, Tally], calls: int) -> str:
    """Say in one line after a run that all of its votes were unanimous; "" if that is not worth a line.

    ``calls`` are the answers of the whole run, those from the journal included.
    """
    if len(tallies) < ENOUGH or not all(map(unanimous, tallies.values())):
        return ""
    asked = sum(tally.asked for tally in tallies.values())
    saved = (asked - len(tallies)) / max(calls, asked)
    return same_answers(len(tallies), saved, "fewer calls") if saved >= WORTH else ""


def same_answers(votes: int, saved: float, what: str) -> str:
    """Give the advice. ``saved`` is a share, ``what`` is "less" for a cost or "fewer calls"."""
    return f"all {votes:,} votes were unanimous: one call each gives the same answers for {100 * saved:.0f} % {what}"
