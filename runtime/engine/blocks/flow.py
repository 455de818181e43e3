"""A call of a flow. It runs like a chain, but it does not see the names around the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...costs.budget import Ledger
from ...values.expressions import evaluate
from ...vocabulary.errors import FlowrunError, InputError
from ...vocabulary.json_value import Json
from ..decisions import Failure
from ..frames import NO_STEPS, Frame, FrameLayout
from ..machine import Machine
from ..scopes import Defaults, Scope
from .block import BlockRun, BlockStep

FLOWS_AT_ONCE = 100_000
"""At most this many calls of flows may be open at once. If each flow calls two others, the number doubles with each
level."""


@dataclass(eq=False)
class FlowRun(BlockRun):
    """A called flow that is running. ``given`` has the values of its parameters, ``result`` is the expression of its
    value.
    """

    passes_on = True

    given: dict[str, Json]
    result: p.Expr

    def start(self) -> None:
        self.machine.counts.flows += 1
        self.opened(1)
        self.open(Frame(self.step.layout, None, self, given=self.given))

    def body_done(self, frame: Frame, value: Json) -> None:
        self.machine.reads.attempt(self, partial(self._return, frame))

    def _return(self, frame: Frame) -> None:
        try:
            value = evaluate(self.result, Scope(self.machine.context, frame))
        except FlowrunError as error:
            self.give_up(Failure(self.around.path, str(error), error))
        else:
            self.end(value)

    def makes(self, name: str) -> bool:
        return self.result == p.Ref(name)

    def dropped(self, *, keep: bool) -> list[Frame]:
        self.closed(self.step.layout.once)
        return [*super().dropped(keep=keep)]

    def cancel(self, *, keep: bool) -> None:
        self.closed()
        super().cancel(keep=keep)
        self.machine.counts.flows -= 1


class FlowStep(BlockStep):
    """A step that calls a flow. ``prepared`` prepares the steps of the flow; the first call does this work."""

    node: p.FlowCall

    def __init__(
        self, plan: p.Step, machine: Machine, flow: p.Flow, defaults: Defaults, prepared: Callable[[], FrameLayout]
    ) -> None:
        super().__init__(plan, machine, NO_STEPS)
        self.flow = flow
        self.defaults = defaults
        self.prepared = prepared

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> FlowRun:
        if self.machine.counts.flows >= FLOWS_AT_ONCE:
            raise InputError(f"this step would open more than {FLOWS_AT_ONCE:,} calls of flows at the same time")
        name, flow = self.node.flow, self.flow
        given = self.defaults.filled(name, flow.params, scope.options(self.node.args))
        self.layout = self.prepared()
        path, ledger = frame.path(self.title), None
        if flow.calls_limit is not None or flow.money_limit is not None:
            ledger = Ledger(name, flow.calls_limit, flow.money_limit, *self.machine.context.spent_within(path))
        return FlowRun(self, frame, self.around(frame, path, ledger=ledger), given, flow.result)
