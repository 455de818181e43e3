"""A fan-out. Its branches run side by side in one body. The value of each branch is one result."""

from __future__ import annotations

from collections.abc import Mapping

from ...vocabulary.json_value import Json
from ..block_surroundings import Around
from ..combiners.combiner import SKIPPED, Combiner
from ..decisions import Failure
from ..frames import Frame, PreparedStep
from ..scopes import Scope
from .losses import Losses
from .reduced import ReducedRun, ReducedStep


class FanoutRun(ReducedRun):
    """A running fan-out. The reducer's asks may mention its branches, even after the fan-out has closed."""

    def __init__(self, step: ReducedStep, frame: Frame, around: Around, combiner: Combiner, losses: Losses) -> None:
        super().__init__(step, frame, around, combiner, losses)
        self.branches = Frame(step.layout, frame, self)

    @property
    def body(self) -> Frame:
        return self.branches

    def start(self) -> None:
        self.open_list(listed=False)
        self.open(self.branches)

    def step_done(self, frame: Frame, step: PreparedStep, value: Json) -> None:
        place = self.step.layout.places[step.name]
        self.give(place, value)
        self.list_up(place, value)
        if self.combiner.decided and frame.left:
            self.conclude()

    def body_done(self, frame: Frame, value: Json) -> None:
        if not self.over:
            self.conclude()

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        if self.over:
            return
        empty = self.losses.policy == "none" and not self.spares
        if not (self.spares or empty) or self.inherits(failure):
            self.give_up(failure)
            return
        # The other branches may still win, count as ballots, or be results beside an empty one.
        branch = next(reversed(frame.watch.failed))
        place = self.step.layout.places[branch]
        self.lost(failure, frame.path(self.step.layout.steps[place].title))
        if empty:
            self.machine.spare(frame, branch)
            self.give(place, SKIPPED if self.combiner.eager else None)
            self.list_up(place, None)
        else:
            self.give(place, SKIPPED if failure.abstains else failure)
        if not frame.left or self.combiner.decided:
            self.conclude()

    def lose_open(self) -> None:
        for body in self.bodies.values():
            for place, step in enumerate(body.layout.steps):
                if step.name not in body.values and body.failure(step.name) is None:
                    self.combiner.lose(place, sent=True)

    def makes(self, name: str) -> bool:
        return True

    def place_in(self, frame: Frame, name: str) -> int:
        return self.step.layout.places[name]


class FanoutStep(ReducedStep):
    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> FanoutRun:
        path, names = frame.path(self.title), tuple(step.name for step in self.layout.steps)
        combiner = self.reduction.combiner(scope, path, len(names), len(names), names, "together")
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        return FanoutRun(self, frame, around, combiner, Losses(options.get("errors", "fail")))
