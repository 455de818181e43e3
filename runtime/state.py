"""The run as a state machine: an event comes in, decisions go out. It knows no clock, no network and no asyncio.

A step begins the moment all that it mentions is there. Blocks open a frame for each body; the steps inside wait
for what they mention themselves, in their own block or around it, so there are no barriers between blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import plan as p

from . import events as e
from .blocks import Blocks
from .calls import Calls
from .decisions import Decision, Failure, Finish, Outcome
from .errors import CallError, FlowrunError
from .frames import Frame, Layout
from .providers.protocol import Answer
from .scopes import Context, Scope, steps_once
from .steps import Steps
from .values import evaluate

Json = Any


class State:
    """One run of one plan.

    ``window`` is how many bodies of a map may be open at once where the flow does not say.
    ``begin``, ``answered`` and ``failed`` return what is to be done; ``events`` collects what happened meanwhile.
    """

    def __init__(self, plan: p.Plan, inputs: Mapping[str, Json], context: Context, window: int = 256) -> None:
        self.plan = plan
        self.context = context
        self.events: list[e.Event] = []
        self._decisions: list[Decision] = []
        self._root = Frame(Layout(plan.steps, None), None, given=dict(inputs))
        self._calls = Calls(context, self._decisions)
        self._steps = Steps(context, self._calls, self.events)
        self._blocks = Blocks(context, self._calls, self._steps, self.events, window)
        self._steps.begin_block = self._blocks.begin
        self._steps.on_end = self._finish

    def begin(self) -> list[Decision]:
        self.events.append(e.RunStarted(self.plan.flow, steps_once(self.plan.steps)))
        scope = Scope(self.context, self._root)
        try:
            for param in self.plan.params:
                if param.name not in self._root.given:
                    self._root.given[param.name] = None if param.default is None else evaluate(param.default, scope)
        except FlowrunError as error:
            self._steps.failures.append(Failure(self.plan.flow, str(error), error))
            self._finish()
        else:
            self._steps.open(self._root)
        return self._drain()

    def answered(self, number: int, answer: Answer) -> list[Decision]:
        """An answer has come. One whose call was taken back meanwhile is dropped."""
        self._calls.answered(number, answer)
        return self._drain()

    def failed(self, number: int, error: CallError) -> list[Decision]:
        """A call has failed for good, as far as sending it again goes."""
        self._calls.failed(number, error)
        return self._drain()

    def _drain(self) -> list[Decision]:
        work = self._steps.work
        while work:
            work.popleft()()
        decisions = self._decisions[:]
        self._decisions.clear()
        return decisions

    def _finish(self) -> None:
        failures = self._steps.failures
        value, complete = None, False
        try:
            value = evaluate(self.plan.result, Scope(self.context, self._root))
            complete = True
        except FlowrunError as error:
            if not failures:
                failures.append(Failure(self.plan.flow, str(error), error))
        blocks = self._blocks
        self._decisions.append(Finish(Outcome(value, complete, tuple(failures), tuple(blocks.losses), blocks.tallies)))
