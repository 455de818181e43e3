"""Rounds: a body that runs again until a condition holds. Each round sees the value of the round before as `last`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import partial
from typing import Any

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...reducers import ReduceError
from ...values.expressions import evaluate
from ...vocabulary import events as e
from ...vocabulary.errors import DiskError, FlowrunError
from ...vocabulary.json_value import Json
from ..decisions import Failure
from ..frames import Frame
from ..scopes import Scope
from .block import BlockRun, BlockStep

LAST = "last"


@dataclass(eq=False)
class RoundsRun(BlockRun):
    """Running rounds. ``best`` is the greatest `by` so far, with the value of its round."""

    counts_rounds = True

    step: RoundsStep
    best: tuple[Any, Json] | None = field(init=False, default=None)

    def start(self) -> None:
        self.opened(self.step.rounds.most)
        self._open(0, None)

    def path_of(self, index: int) -> str:
        return f"{self.around.path}[{index}]"

    @property
    def progress(self) -> str:
        number = max(self.bodies, default=0)
        return f"; round {number + 1} of at most {self.step.rounds.most} was under way"

    def body_done(self, frame: Frame, value: Json) -> None:
        del self.bodies[frame.index]
        context = self.machine.context
        if e.ElementFinished not in context.unheard:
            self.machine.events.append(e.ElementFinished(self.path_of(frame.index), at=context.now()))
        # The end of a round may read a file. The round has ended, so the block owns that work.
        self.machine.reads.attempt(self, partial(self._ended, frame, value))

    def _ended(self, frame: Frame, value: Json) -> None:
        rounds, scope = self.step.rounds, Scope(self.machine.context, frame)
        try:
            good = bool(evaluate(rounds.until, scope))
            rank = None if good or rounds.by is None else evaluate(rounds.by, scope)
        except DiskError:
            raise
        except FlowrunError as error:
            self.give_up(Failure(self.path_of(frame.index), f"the end of this round: {error}", error))
            return
        if good or frame.index + 1 == rounds.most:
            self.machine.context.watcher.decided(rounds.until, holds=good)
        if good:
            self._finish(value)
            return
        if rounds.by is not None and (self.best is None or rank > self.best[0]):
            self.best = (rank, value)
        if frame.index + 1 < rounds.most:
            self._open(frame.index + 1, value)
        elif rounds.otherwise == "fail":
            said = f"none of the {rounds.most} rounds was good enough"
            self.give_up(Failure(self.around.path, said, ReduceError(said)))
        else:
            self._finish(value if self.best is None else self.best[1])

    def _open(self, number: int, last: Json) -> None:
        self.open(Frame(self.step.layout, self.frame, self, number, {LAST: last}))

    def _finish(self, value: Json) -> None:
        self.closed()
        self.end(value)

    def cancel(self, *, keep: bool) -> None:
        self.closed()
        super().cancel(keep=keep)


class RoundsStep(BlockStep):
    node: p.Rounds

    @property
    def rounds(self) -> p.Rounds:
        return self.node

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> RoundsRun:
        return RoundsRun(self, frame, self.around(frame, frame.path(self.title)))
