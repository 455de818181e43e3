"""The run as a state machine. An event goes in, decisions come out. It uses no clock, no network and no asyncio.

A step begins as soon as all steps that it mentions are finished. A block opens a frame for each body. The steps inside
wait only for the steps that they mention, in their own block or around it. So no block waits for another block as a
whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from flowrun.dsl import given_images, types
from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..values.model_values import given_models
from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import NO_USAGE, Usage
from .decisions import Decision, Failure, Finish, HandOn, Outcome
from .frames import NO_STEPS, Frame
from .machine import Machine
from .prepare import Preparation
from .scopes import Context, Defaults, Scope
from .withheld import Withheld


class State:
    """The state machine of one run of one plan.

    A map may have ``window`` bodies open at once if the flow sets no `concurrency`. The results of the step ``handed``
    go to the caller one by one, and its value is their number. ``begin``, ``answered``, ``failed`` and the like return
    decisions; ``events`` collects the events that happen on the way.

    After ``turn`` answers from the journal the machine pauses, so that its decisions and events fill no memory. While
    it is ``paused``, ``go_on`` gives out more.
    """

    def __init__(
        self,
        plan: p.Plan,
        inputs: Mapping[str, Json],
        context: Context,
        window: int = 256,
        *,
        handed: p.Step | None = None,
        turn: int | None = None,
    ) -> None:
        self.plan = plan
        self._pace = turn
        self._machine = Machine(context, plan.externs)
        self._prepared = Preparation(self._machine, plan, window, handed, self._hand_on)
        self._root = Frame(NO_STEPS, None, given=dict(inputs))
        self._ending = False
        self._arrivals: deque[Callable[[], None]] = deque()

    @property
    def events(self) -> list[e.Event]:
        return self._machine.events

    @property
    def withheld(self) -> Withheld:
        """The calls and bodies that the engine keeps back."""
        return self._machine.calls.withheld

    @property
    def holding(self) -> bool:
        """True if a read holds the machine. Then nobody may see its events and decisions yet."""
        return bool(self._machine.reads.holding)

    @property
    def paused(self) -> bool:
        """True if answers from the journal are left to give out."""
        return self._machine.calls.reuses and not self.holding

    def begin(self) -> list[Decision]:
        self.announce()
        self._machine.reads.attempt(self._root, self._open)
        return self._drain()

    def announce(self) -> None:
        """Add the event that begins the run. A run that is stopped before its beginning has this event, too."""
        layout = self._root.layout = self._prepared.layout(self.plan.steps)
        self.events.append(e.RunStarted(self.plan.flow, layout.once, at=self._machine.context.now()))

    def go_on(self) -> list[Decision]:
        """Continue after a pause."""
        return self._drain()

    def widened(self, window: int) -> None:
        """Let blocks without `concurrency` have ``window`` bodies open at once, because so many more calls can go."""
        self._prepared.widen(window)

    @property
    def window(self) -> int:
        return self._prepared.windows[0].size

    def answered(self, number: int, answer: Answer, usage: Usage = NO_USAGE) -> list[Decision]:
        """Take an answer and its part of the bill. Ignore it if the call was cancelled in the meantime."""
        return self._take(partial(self._machine.calls.answered, number, answer, usage))

    def failed(self, number: int, error: CallError) -> list[Decision]:
        """Take the failure of a call. Its request is not sent again."""
        return self._take(partial(self._machine.calls.failed, number, error))

    def doubted(self, number: int, *, live: bool = False) -> tuple[bool, list[Decision]]:
        """Tell whether the budgets allow another attempt at a call, after an attempt that may have been paid.

        With ``live`` the attempt was a line of a batch API without an answer, which was not paid.
        """
        afforded = self._machine.calls.doubted(number, live=live)
        return afforded, self._drain()

    def granted(self) -> list[Decision]:
        """Send the calls in line for which the budget of the run has room, after news from the book of its leases."""
        return self._drain()

    def hedged(self, number: int) -> bool:
        """Tell whether the budgets allow a second request for a slow call, beside the first."""
        return self._machine.calls.hedged(number)

    def timed_out(self, number: int) -> list[Decision]:
        """Act on a timer whose time has passed."""
        return self._take(partial(self._machine.timers.over, number))

    def returned(self, number: int, value: Json) -> list[Decision]:
        """Take the value of an extern. The caller has checked that it has the declared type."""
        return self._take(partial(self._machine.externs.returned, number, value))

    def raised(self, number: int, error: FlowrunError) -> list[Decision]:
        """Take the failure of an extern."""
        return self._take(partial(self._machine.externs.failed, number, error))

    def read(self, number: int, value: Json) -> list[Decision]:
        """Take the value of a read, or the FlowrunError if it failed."""
        self._machine.reads.over(number, value)
        return self._drain()

    def slow(self, number: int) -> list[Decision]:
        """Record that a read takes long."""
        self._machine.reads.slow(number)
        return self._drain()

    def abandoned(self) -> Outcome:
        """Return the outcome of a stopped run. It has no value, but it has the values of the finished steps."""
        return self._outcome(None, complete=False)

    @property
    def values(self) -> dict[str, Json]:
        """The values of the flow's parameters and of its finished steps."""
        return {**self._root.given, **_named(self._root.values)}

    def failure(self, step: str) -> Failure | None:
        """Return the failure of a step of the flow itself; None if it has not failed."""
        return self._root.failure(step)

    def _open(self) -> None:
        machine, plan, root = self._machine, self.plan, self._root
        try:
            given = Defaults(machine.context).filled(plan.flow, plan.params, root.given)
            kinds = {param.name: param.type for param in plan.params if types.holds_model(param.type)}
            root.given = given | {name: given_models(given[name], type_) for name, type_ in kinds.items()}
            seen = {param.name: param.type for param in plan.params if types.holds_image(param.type)}
            root.given |= {name: given_images(given[name], type_) for name, type_ in seen.items()}
        except FlowrunError as error:
            machine.failures.append(Failure(plan.flow, str(error), error))
        else:
            machine.open(root)

    def _take(self, arrival: Callable[[], None]) -> list[Decision]:
        """Queue an event from outside. It is handled after all earlier events."""
        self._arrivals.append(arrival)
        return self._drain()

    def _drain(self) -> list[Decision]:
        machine, reads, work = self._machine, self._machine.reads, self._machine.work
        given = 0
        while not reads.holding:
            if work:
                work.popleft()()
            elif given == self._pace and machine.calls.reuses:
                break
            elif machine.calls.resume():
                given += 1
            elif not self._root.left and not self._ending:
                self._ending = True
                reads.attempt(self._root, self._finish)
            elif reads.beginning:
                self._begun()
            elif self._arrivals:
                self._arrivals.popleft()()
            else:
                break
        decisions = [*reads.new, *self._given_out()]
        reads.new.clear()
        return decisions

    def _given_out(self) -> list[Decision]:
        """Take the decisions that may be seen. Before the run has begun, a pause gives out only results."""
        decisions, reads = self._machine.decisions, self._machine.reads
        if reads.holding:
            return []
        if not (reads.beginning and self.paused):
            out = decisions[:]
            decisions.clear()
            return out
        out = [one for one in decisions if isinstance(one, HandOn)]
        decisions[:] = [one for one in decisions if not isinstance(one, HandOn)]
        return out

    def _begun(self) -> None:
        """End the start of the run, when everything that needs no answer is done."""
        if self._machine.failures and not self._ending:
            # A failure at the start, such as a row of the wrong type, costs nothing: no call is sent.
            self._machine.decisions.clear()
            self._root.left = 0
        self._machine.reads.beginning = False

    def _hand_on(self, value: Json) -> None:
        self._machine.decisions.append(HandOn(value))

    def _finish(self) -> None:
        failures = self._machine.failures
        value, complete = None, False
        try:
            value = evaluate(self.plan.result, Scope(self._machine.context, self._root))
            complete = True
        except FlowrunError as error:
            if not failures:
                failures.append(Failure(self.plan.flow, str(error), error))
        self._root.end()
        self._machine.decisions.append(Finish(self._outcome(value, complete)))

    def _outcome(self, value: Json, complete: bool) -> Outcome:
        return Outcome(
            value,
            complete,
            tuple(self._machine.failures),
            tuple(self._machine.losses),
            self._machine.tallies,
            steps={} if complete else _named(self._root.values),
        )


def _named(values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values of the steps to which the author gave a name."""
    return {name: value for name, value in values.items() if not name.startswith("#")}
