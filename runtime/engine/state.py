"""The run as a state machine: an event comes in, decisions go out. It knows no clock, no network and no asyncio.

A step begins as soon as all the steps that it mentions are finished. Blocks open a frame for each body. The steps
inside wait only for the steps that they mention themselves, in their own block or around it, so there are no barriers
between blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, FlowrunError
from ..vocabulary.usage import NO_USAGE, Usage
from .blocks import Blocks
from .calls import Calls
from .decisions import Decision, Failure, Finish, HandOn, Outcome
from .extern_calls import ExternCalls
from .frames import Frame, Layout
from .reads import Reads
from .reduction import Ends
from .scopes import Context, Defaults, Scope, steps_once
from .steps import Steps
from .timers import Timers

Json = Any


class State:
    """The state machine of one run of one plan.

    ``window`` is the number of bodies that a map may have open at once where the flow sets none.
    The results of the step ``handed`` are handed on as they come, and its value is their number.
    ``begin``, ``answered``, ``failed`` and the like return decisions; ``events`` collects the events meanwhile.
    """

    def __init__(
        self,
        plan: p.Plan,
        inputs: Mapping[str, Json],
        context: Context,
        window: int = 256,
        *,
        handed: p.Step | None = None,
    ) -> None:
        self.plan = plan
        self.events: list[e.Event] = []
        self._decisions: list[Decision] = []
        self._arrivals: deque[Callable[[], None]] = deque()
        self._reads = Reads(context.functions, self._decisions, self.events)
        self.context = context = replace(context, functions=self._reads.call)
        self._root = Frame(Layout(plan.steps, None), None, given=dict(inputs))
        self._calls = Calls(context, self._decisions, self.events)
        self._timers = Timers(self._decisions)
        self._externs = ExternCalls(context, plan.externs, self._decisions)
        self._steps = Steps(context, self._calls, self._externs, self.events, self._reads)
        self._ends = Ends(context, self._calls, self._externs, self._steps, self._timers, self.events)
        self._blocks = Blocks(context, self._steps, self._ends, self._timers, self.events, window, plan)
        self._blocks.handed = handed
        self._blocks.hand_on = lambda value: self._decisions.append(HandOn(value))
        self._steps.begin_block = self._blocks.begin
        self._steps.on_end = self._finish

    def begin(self) -> list[Decision]:
        self.events.append(e.RunStarted(self.plan.flow, steps_once(self.plan.steps)))
        self._reads.attempt(self._root, self._open)
        return self._drain()

    def _open(self) -> None:
        root = self._root
        try:
            root.given = Defaults(self.context).filled(self.plan.flow, self.plan.params, root.given)
        except FlowrunError as error:
            self._steps.failures.append(Failure(self.plan.flow, str(error), error))
            self._finish()
        else:
            self._steps.open(root)

    def _begun(self) -> None:
        """End the start of the run: all that can be done without an answer is done."""
        if self._steps.failures and not any(isinstance(one, Finish) for one in self._decisions):
            # A failure at the start, such as a row of the wrong type, costs nothing: no call has gone out.
            self._decisions.clear()
            self._finish()
        else:
            self._reads.beginning = False

    def answered(self, number: int, answer: Answer, usage: Usage = NO_USAGE) -> list[Decision]:
        """Take an answer and its part of the bill. Drop it if its call was cancelled meanwhile."""
        return self._take(partial(self._calls.answered, number, answer, usage))

    def failed(self, number: int, error: CallError) -> list[Decision]:
        """Take the failure of a call whose request is not sent again."""
        return self._take(partial(self._calls.failed, number, error))

    def doubted(self, number: int) -> tuple[bool, list[Decision]]:
        """Tell whether the budgets afford another attempt at a call after one that may have been paid."""
        afforded = self._calls.doubted(number)
        return afforded, self._drain()

    def hedged(self, number: int) -> bool:
        """Tell whether the budgets afford to send a slow call a second time, side by side."""
        return self._calls.hedged(number)

    def timed_out(self, number: int) -> list[Decision]:
        """Act on a timer whose time is over."""
        return self._take(partial(self._timers.over, number))

    def abandoned(self) -> Outcome:
        """Return the outcome of a stopped run: no value, but the values of the finished steps."""
        return self._outcome(None, complete=False)

    def returned(self, number: int, value: Json) -> list[Decision]:
        """Take the value of an extern; it has the declared type."""
        return self._take(partial(self._externs.returned, number, value))

    def raised(self, number: int, error: FlowrunError) -> list[Decision]:
        """Take the failure of an extern."""
        return self._take(partial(self._externs.failed, number, error))

    @property
    def holding(self) -> bool:
        """True if a read holds the engine: its events and decisions so far are not to be seen yet."""
        return self._reads.holding

    def read(self, number: int, value: Json) -> list[Decision]:
        """Take the value of a read, or the FlowrunError with which it failed."""
        self._reads.over(number, value)
        return self._drain()

    def slow(self, number: int) -> list[Decision]:
        """Note that a read will take long."""
        self._reads.slow(number)
        return self._drain()

    def _take(self, arrival: Callable[[], None]) -> list[Decision]:
        """Take what came from outside, when all that came before it is done."""
        self._arrivals.append(arrival)
        return self._drain()

    def _drain(self) -> list[Decision]:
        reads, work = self._reads, self._reads.work
        while not reads.holding:
            if work:
                work.popleft()()
            elif self._calls.resume():
                continue
            elif reads.beginning:
                self._begun()
            elif self._arrivals:
                self._arrivals.popleft()()
            else:
                break
        if reads.holding:
            return reads.given_out()
        decisions = [*reads.given_out(), *self._decisions]
        self._decisions.clear()
        return decisions

    def _finish(self) -> None:
        self._reads.attempt(self._root, self._finish_ready)

    def _finish_ready(self) -> None:
        failures = self._steps.failures
        value, complete = None, False
        try:
            value = evaluate(self.plan.result, Scope(self.context, self._root))
            complete = True
        except FlowrunError as error:
            if not failures:
                failures.append(Failure(self.plan.flow, str(error), error))
        self._decisions.append(Finish(self._outcome(value, complete)))

    def _outcome(self, value: Json, complete: bool) -> Outcome:
        values = self._root.values
        return Outcome(
            value,
            complete,
            tuple(self._steps.failures),
            tuple(self._blocks.losses.all),
            self._ends.tallies,
            steps={} if complete else {name: values[name] for name in values if not name.startswith("#")},
        )
