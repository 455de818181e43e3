"""Steps without a body: a value, an ask, and a call of an extern."""

from __future__ import annotations

from functools import partial

from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from .asks import PreparedAsk
from .frames import Frame, PreparedStep, sample_of
from .machine import Machine
from .scopes import Scope


class ValueStep(PreparedStep):
    def __init__(self, plan: p.Step, node: p.Value, machine: Machine) -> None:
        super().__init__(plan)
        self.expr = node.expr
        self.machine = machine

    def begin(self, frame: Frame) -> None:
        self.machine.settle(frame, self, evaluate(self.expr, Scope(self.machine.context, frame)))


class AskStep(PreparedStep):
    def __init__(self, plan: p.Step, node: p.Ask, machine: Machine) -> None:
        super().__init__(plan)
        self.ask = PreparedAsk(node, plan.options)
        self.ask.sure = plan.when is None
        self.machine = machine

    def begin(self, frame: Frame) -> None:
        self.machine.calls.launch(
            frame,
            self.ask,
            frame.path(self.title),
            partial(self.machine.settle, frame, self),
            partial(self.machine.fail, frame, self),
            sample=sample_of(frame, self.name),
            ballot=frame.block is not None and frame.block.around.ballot,
        )


class ExternStep(PreparedStep):
    def __init__(self, plan: p.Step, node: p.ExternCall, machine: Machine) -> None:
        super().__init__(plan)
        self.call = node
        self.machine = machine

    def begin(self, frame: Frame) -> None:
        self.machine.externs.launch(
            frame,
            self.call.extern,
            Scope(self.machine.context, frame).options(self.call.args),
            frame.path(self.title),
            partial(self.machine.settle, frame, self),
            partial(self.machine.fail, frame, self),
        )
