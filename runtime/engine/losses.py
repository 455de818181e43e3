"""The elements, samples and branches that blocks do without."""

from __future__ import annotations

from dataclasses import replace

from ..vocabulary import events as e
from .decisions import Failure
from .frames import BlockRun
from .reduction import Ends


class Losses:
    """The losses of one run. ``all`` are the failures that ended no block, in the order in which they came."""

    def __init__(self, ends: Ends, events: list[e.Event]) -> None:
        self.ends = ends
        self.events = events
        self.all: list[Failure] = []

    def enter(self, run: BlockRun, failure: Failure) -> None:
        """Enter the failure of a body that the block goes on without.

        As its last loss the block names a missing answer rather than a bad one.
        """
        run.lost += 1
        if run.last_loss is None or run.last_loss.abstains or not failure.abstains:
            run.last_loss = failure
        self.all.append(replace(failure, ballot=run.votes))
        self.events.append(e.ElementLost(failure.path, failure.reason))

    def too_many(self, run: BlockRun) -> bool:
        """Fail a block that has lost more elements than the flow allows. Return True if it has."""
        if run.spare is None or run.last_loss is None or run.lost <= run.spare.most:
            return False
        reason = (
            f"{run.lost} of {run.total} elements failed, and `skip({run.spare.share * 100:g}%)` allows "
            f"{run.spare.most}; the last: {run.last_loss.reason}"
        )
        self.ends.give_up(run, Failure(run.around.path, reason, run.last_loss.error))
        return True
