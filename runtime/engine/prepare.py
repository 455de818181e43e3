"""The preparation of a plan. Each step is prepared once, before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from flowrun.dsl import plan as p

from ..vocabulary.json_value import Json
from .blocks.counted import CountedStep, Window
from .blocks.map import MapStep
from .blocks.mapped import hands_on
from .blocks.repeat import SAMPLES_AT_ONCE, RepeatStep
from .elsewhere import PREPARED
from .frames import FrameLayout, PreparedStep, steps_once
from .leaves import AskStep, ExternStep, ValueStep
from .machine import Machine
from .pipelines import Pipelines
from .reductions import HandOn, Reduction
from .scopes import Defaults


def _nobody(value: Json) -> None:
    """Take a result that is handed on to nobody."""


class Preparation:
    """The prepared steps of one plan. A called flow is prepared at its first call.

    A map may have ``window`` bodies open at once if the flow sets no `concurrency`; ``widen`` raises that. The results
    of the step ``handed`` go to the caller one by one. Bodies that run elsewhere have so many ``places`` for it.
    """

    def __init__(
        self,
        machine: Machine,
        plan: p.Plan,
        window: int,
        handed: p.Step | None = None,
        hand_on: HandOn = _nobody,
        places: int = 1,
    ) -> None:
        self.machine = machine
        self.plan = plan
        self.windows = Window(window), Window(max(SAMPLES_AT_ONCE, window))
        self.places = places
        self.wide = [Window(self._wide(one.size)) for one in self.windows]
        self.handed = handed
        self.hand_on = hand_on
        self.defaults = Defaults(machine.context)
        self.pipelines = Pipelines(machine, plan)
        self._flows: dict[str, FrameLayout] = {}

    def widen(self, window: int) -> None:
        for one, wide in zip(self.windows, self.wide, strict=True):
            one.size = max(one.size, window)
            wide.size = max(wide.size, self._wide(one.size))

    def _wide(self, window: int) -> int:
        """Return the window of blocks whose bodies run elsewhere: a window for each place, and bodies in waiting."""
        return self.places * (window + PREPARED)

    def step(self, plan: p.Step) -> PreparedStep:
        """Prepare one step alone."""
        return self._step(plan)

    def layout(self, steps: Iterable[p.Step], result: str | None = None) -> FrameLayout:
        steps = tuple(steps)
        return FrameLayout([self._step(step) for step in steps], result, steps_once(steps))

    def _flow(self, name: str) -> FrameLayout:
        if name not in self._flows:
            self._flows[name] = self.layout(self.plan.flows[name].steps)
        return self._flows[name]

    def _step(self, step: p.Step) -> PreparedStep:
        machine, node = self.machine, step.node
        match node:
            case p.Value():
                return ValueStep(step, node, machine)
            case p.Ask():
                return AskStep(step, node, machine)
            case p.ExternCall():
                return ExternStep(step, node, machine)
            case p.FlowCall():
                from .blocks.flow import FlowStep

                flow = self.plan.flows[node.flow]
                return FlowStep(step, machine, flow, self.defaults, partial(self._flow, node.flow))
            case p.Chain():
                from .blocks.chain import ChainStep

                return ChainStep(step, machine, self._body(node.body))
            case p.Match():
                from .blocks.match import MatchStep

                return MatchStep(step, machine, [self.layout((one,), one.name) for one in node.body.steps])
            case p.Cascade():
                from .blocks.cascade import CascadeStep, Stage

                return CascadeStep(step, machine, [Stage(self._stage(one), one.when) for one in node.body.steps])
            case p.Rounds():
                from .blocks.rounds import RoundsStep

                return RoundsStep(step, machine, self._body(node.body))
            case p.Fanout():
                from .blocks.fanout import FanoutStep

                # A fan-out has no last step: all branches are results.
                layout = self.layout(node.body.steps)
                return FanoutStep(step, machine, layout, self._reduction(step, node.reduce), self.pipelines)
            case p.Map():
                # A map that hands its elements on runs no steps.
                layout = FrameLayout(result=node.body.result) if hands_on(step) else self._body(node.body)
                reduction = self._reduction(step, node.reduce)
                flows = self.plan.flows
                map_ = MapStep(step, machine, layout, reduction, self.pipelines, self.windows[0], flows)
                return self._placed(map_, step, self.wide[0])
            case p.Repeat():
                layout, reduction = self._body(node.body), self._reduction(step, node.reduce)
                repeat = RepeatStep(step, machine, layout, reduction, self.pipelines, self.windows[1])
                return self._placed(repeat, step, self.wide[1])

    def _placed(self, prepared: CountedStep, step: p.Step, wide: Window) -> CountedStep:
        if self.machine.context.placing(step):
            prepared.wide = wide
        return prepared

    def _stage(self, step: p.Step) -> FrameLayout:
        """Prepare a stage of a cascade. The cascade itself decides when the stage runs."""
        return self.layout((replace(step, when=None),), step.name)

    def _body(self, body: p.Block) -> FrameLayout:
        return self.layout(body.steps, body.result)

    def _reduction(self, step: p.Step, reduce: p.Reduce) -> Reduction:
        return Reduction(step, reduce, self.plan.externs, self.hand_on if step is self.handed else None)
