"""A cascade: stages that run one after another. Each sees the value of the stage before as `last`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...vocabulary import events as e
from ...vocabulary.cascade_tally import CascadeTally, StageEnd, StageTally
from ...vocabulary.errors import DiskError, FlowrunError
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally
from ..block_surroundings import TokenCount
from ..decisions import Failure
from ..frames import NO_STEPS, Frame, FrameLayout, PreparedStep
from ..machine import Machine
from ..scopes import Scope
from .block import BlockRun, BlockStep
from .losses import leads_on

LAST = "last"


@dataclass(frozen=True, slots=True)
class Stage:
    """A prepared stage. ``layout`` holds its one step, without the condition ``when`` for going on to it."""

    layout: FrameLayout
    when: p.Expr | None

    @property
    def step(self) -> PreparedStep:
        return self.layout.steps[0]


@dataclass(eq=False)
class CascadeRun(BlockRun):
    """A running cascade. ``at`` is the place of its stage, ``failed`` has the failures of stages by their places.

    ``used`` counts the tokens of each stage that has begun.
    """

    passes_on = True

    step: CascadeStep
    at: int = field(init=False, default=0)
    failed: dict[int, Failure] = field(init=False, default_factory=dict)
    used: list[TokenCount] = field(init=False, default_factory=list)

    @property
    def progress(self) -> str:
        return f"; stage {self.at + 1} of {len(self.stages)} was under way"

    def __post_init__(self) -> None:
        self.outer = self.around.votes

    @property
    def stages(self) -> Sequence[Stage]:
        return self.step.stages

    def start(self) -> None:
        machine = self.machine
        machine.events.append(e.BlockOpened(self.around.path, 1, self.stages[0].layout.once, at=machine.context.now()))
        self._begin(self._frame(0, None, None))

    def _begin(self, frame: Frame) -> None:
        self.at = frame.index
        self.used.append(TokenCount())
        self.around = replace(self.around, votes=(self.used[-1], *self.outer))
        self.open(frame)

    def _frame(self, place: int, last: Json, tally: Tally | None) -> Frame:
        frame = Frame(self.stages[place].layout, self.frame, self, place)
        if place:
            frame.given[LAST] = last
            if tally is not None:
                frame.tallies[LAST] = tally
        return frame

    def body_done(self, frame: Frame, value: Json) -> None:
        self.bodies.pop(frame.index, None)
        place = frame.index + 1
        if place == len(self.stages) or self.stages[place].when is None:
            self._finish(frame.index, value)
            return
        tally = frame.tallies.get(self.stages[frame.index].step.name)
        # The condition waits for the steps that it mentions.
        ahead = self._frame(place, value, tally)
        step = self.stages[place].step
        self.machine.wait(ahead, step.needs, partial(self._waited, ahead, value))

    def _waited(self, ahead: Frame, value: Json, failure: Failure | None) -> None:
        if not self.alive or self.over:
            return
        if failure is not None:
            self.give_up(failure)
            return
        self.machine.reads.attempt(self, partial(self._decide, ahead, value))

    def _decide(self, ahead: Frame, value: Json) -> None:
        place, when = ahead.index, self.stages[ahead.index].when
        assert when is not None
        try:
            on = bool(evaluate(when, Scope(self.machine.context, ahead)))
        except DiskError:
            raise
        except FlowrunError as error:
            path = ahead.path(self.stages[place].step.title)
            self.give_up(Failure(path, f"the condition of this stage: {error}", error))
            return
        self.machine.context.watcher.decided(when, holds=on)
        if on:
            self._begin(ahead)
        else:
            self._finish(place - 1, value)

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        if self.over or not self.alive:
            return
        if not self._goes_on(failure):
            self.give_up(failure)
            return
        self.failed[frame.index] = failure
        self.bodies.pop(frame.index, None)
        # Nothing else in the stage is of use.
        self.machine.drop(frame, keep=False)
        if frame.index + 1 < len(self.stages):
            self._begin(self._frame(frame.index + 1, None, None))
        elif len(self.failed) == 1:
            self.give_up(failure)
        else:
            self.give_up(Failure(self.around.path, self._reasons(), failure.error))

    def _goes_on(self, failure: Failure) -> bool:
        """Tell whether a failure is the fault of the stage, so that another one may do better."""
        inherited = any(known is failure for known in self.machine.failures)
        return not inherited and leads_on(failure.error)

    def _reasons(self) -> str:
        told = [f"{self.stages[place].step.title}: {failure.reason}" for place, failure in self.failed.items()]
        return f"{len(told)} stages failed: {'; '.join(told)}"

    def _finish(self, place: int, value: Json) -> None:
        """End with the value of a stage. The stages behind it are skipped."""
        machine = self.machine
        for stage in self.stages[place + 1 :]:
            path = f"{self.around.path}.{stage.step.title}"
            now = machine.context.now()
            machine.events.append(e.StepStarted(path, stage.step.kind, at=now))
            machine.events.append(e.StepFinished(path, stage.step.kind, True, at=now))
        self._tell(ended=place)
        self.closed()
        self.end(value)

    def give_up(self, failure: Failure) -> None:
        if self.alive:
            self._tell()
            self.closed()
        super().give_up(failure)

    def _tell(self, ended: int = -1) -> None:
        """Keep the account of the cascade. ``ended`` is the place of the stage with the value."""
        stages = [
            StageTally(stage.step.title, self._end_of(place, ended), used.calls, dict(used))
            for place, (stage, used) in enumerate(zip(self.stages, self.used, strict=False))
        ]
        skipped = [StageTally(stage.step.title, "skipped") for stage in self.stages[len(stages) :]]
        self.machine.cascades[self.around.path] = CascadeTally((*stages, *skipped))

    def _end_of(self, place: int, ended: int) -> StageEnd:
        if place in self.failed:
            return "failed"
        if place == ended:
            return "value"
        return "up" if place < self.at else "open"

    def makes(self, name: str) -> bool:
        return any(stage.step.name == name for stage in self.stages)

    def stopped(self) -> Iterable[Frame]:
        if self.used and self.around.path not in self.machine.cascades:
            self._tell()
        return super().stopped()

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        # Without `keep` nothing needs the cascade any more: then it is not broken off.
        if keep:
            self.stopped()
        self.closed()
        return super().dropped(keep=keep)

    def cancel(self, *, keep: bool) -> None:
        self.closed()
        super().cancel(keep=keep)


class CascadeStep(BlockStep):
    """A step that begins a cascade. ``stages`` are its prepared stages."""

    def __init__(self, plan: p.Step, machine: Machine, stages: Sequence[Stage]) -> None:
        super().__init__(plan, machine, NO_STEPS)
        self.stages = tuple(stages)

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> CascadeRun:
        return CascadeRun(self, frame, self.around(frame, frame.path(self.title)))
