"""The scheduler: it acts on the decisions of the state machine, and tells it the results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..engine.decisions import (
    Call,
    Cancel,
    CancelExtern,
    Decision,
    Finish,
    HandOn,
    Launch,
    LaunchExtern,
    Outcome,
    StartTimer,
    StopTimer,
)
from ..engine.state import State
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError, FlowrunError, PermanentError, UsageError
from ..vocabulary.usage import NO_USAGE, Usage
from .attempt import Publish
from .dispatcher import Dispatcher
from .endpoint import Endpoint
from .ledger import NoLog
from .listener import Listener

__all__ = ["Endpoint", "Publish", "Scheduler"]

Json = Any
CallExtern = Callable[[str, Mapping[str, Json]], Awaitable[Json]]
"""A function that calls an extern, by its key, with its arguments. Raises FlowrunError."""
GRACE = 20.0
"""Seconds that a failed or stopped run waits for answers that are under way, for these are paid.

Programs that send SIGTERM often send SIGKILL 30 seconds later.
"""


async def _no_python(extern: str, args: Mapping[str, Json]) -> Json:
    raise UsageError(f"this run may not run Python, and the extern `{extern}` would")


class Scheduler(Listener):
    """The runner of a state machine, up to its end. ``endpoints`` are by the address of the model."""

    def __init__(
        self,
        state: State,
        endpoints: Mapping[str, Endpoint],
        publish: Publish,
        call_extern: CallExtern = _no_python,
        log: NoLog | None = None,
        hand_on: Callable[[Json], None] = lambda value: None,
    ) -> None:
        self.state = state
        self.publish = publish
        self.call_extern = call_extern
        self.hand_on = hand_on
        self._dispatcher = Dispatcher(endpoints, publish, log or NoLog(), self)
        self._heard: list[tuple[int, Answer | CallError, Usage]] = []
        self._externs: dict[int, asyncio.Task[None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._outcome: asyncio.Future[Outcome] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._stopped: FlowrunError | None = None

    async def run(self) -> Outcome:
        """Run until the flow has ended. If this is cancelled, everything in flight is cancelled before it returns."""
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            if self._stopped is None:
                self._act(self.state.begin())
            else:
                self.idle()
            outcome = await self._outcome
            await self._dispatcher.settle(GRACE)
            return replace(outcome, stopped=self._stopped)
        finally:
            if self._grace is not None:
                self._grace.cancel()
            for timer in self._timers.values():
                timer.cancel()
            externs = list(self._externs.values())
            for task in externs:
                task.cancel()
            await self._dispatcher.close()
            await asyncio.gather(*externs, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """True if anything of the run is on its way or waits."""
        return self._dispatcher.busy or bool(self._externs or self._timers or self._heard)

    def stop(self, why: FlowrunError) -> None:
        """Begin nothing more. The run ends when all requests under way have ended, or after ``GRACE``.

        The first reason counts. Call from the loop of the run.
        """
        if self._stopped is not None:
            return
        self._stopped = why
        self._grace = asyncio.get_running_loop().call_later(GRACE, self.idle)
        for task in self._externs.values():
            task.cancel()
        self._dispatcher.stop()

    def _act(self, decisions: Iterable[Decision]) -> None:
        for event in self.state.events:
            self.publish(event)
        self.state.events.clear()
        launched: dict[int, Call] = {}
        unknown: list[Call] = []
        loop = asyncio.get_running_loop()
        for decision in decisions:
            match decision:
                case Launch(call):
                    if call.model in self._dispatcher.endpoints:
                        launched[call.number] = call
                    else:
                        unknown.append(call)
                case Cancel(number, keep):
                    if launched.pop(number, None) is None:
                        self._dispatcher.cancel(number, keep)
                case LaunchExtern(number):
                    if self._stopped is None:
                        task = loop.create_task(self._call_extern(decision))
                        self._externs[number] = task
                        task.add_done_callback(partial(self._extern_over, number))
                case CancelExtern(number):
                    # An extern that is missing here is over; the current task is the extern that led to this decision.
                    extern = self._externs.get(number)
                    if extern is not None and extern is not asyncio.current_task():
                        extern.cancel()
                case StartTimer(number, seconds):
                    self._timers[number] = loop.call_later(seconds, self._timed_out, number)
                case StopTimer(number):
                    if timer := self._timers.pop(number, None):
                        timer.cancel()
                case HandOn(value):
                    try:
                        self.hand_on(value)
                    except DiskError as full:
                        self.stop(full)
                case Finish(outcome):
                    assert self._outcome is not None
                    if not self._outcome.done():
                        # No request may take a place that comes free from here on.
                        self._outcome.set_result(outcome)
                        self._dispatcher.send_no_more()
        if launched:
            self._dispatcher.launch(launched.values())
        for call in unknown:
            error = PermanentError(f"the model `{call.model}` was unknown when the run began: declare it in the flow")
            self.failed(call, error)

    # Answers and failures of calls

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        self._hear(call.number, answer, usage)

    def failed(self, call: Call, error: CallError) -> None:
        self._hear(call.number, error, NO_USAGE)

    def _hear(self, number: int, came: Answer | CallError, usage: Usage) -> None:
        # All answers of one turn of the loop are handled together: that costs less. And a failure may launch a call
        # that fails at once; handled from within, a map of many elements would nest as deep as it is long.
        if not self._heard:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._heard.append((number, came, usage))

    def _next_turn(self) -> None:
        try:
            self.catch_up()
        except Exception as error:  # noqa: BLE001 - what a callback raises is seen by nobody
            self.mistake(error)

    def catch_up(self) -> None:
        if not self._heard:
            return
        heard, self._heard = self._heard, []
        decisions: list[Decision] = []
        for number, came, usage in heard:
            if isinstance(came, CallError):
                decisions += self.state.failed(number, came)
            else:
                decisions += self.state.answered(number, came, usage)
        self._act(decisions)

    @property
    def behind(self) -> bool:
        """True if answers wait to be handled."""
        return bool(self._heard)

    def doubted(self, call: Call) -> bool:
        self.catch_up()
        afforded, decisions = self.state.doubted(call.number)
        self._act(decisions)
        return afforded

    def hedged(self, call: Call) -> bool:
        return self.state.hedged(call.number)

    def idle(self) -> None:
        self.catch_up()
        if self._stopped is not None and self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(self.state.abandoned())

    def trouble(self, error: DiskError) -> None:
        self.stop(error)

    def mistake(self, error: BaseException) -> None:
        """End the run with an exception of our own tasks: it is no failed call but our mistake, and must be seen."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)

    # Externs and timers

    async def _call_extern(self, launch: LaunchExtern) -> None:
        try:
            value = await self.call_extern(launch.extern, launch.args)
        except FlowrunError as error:
            self.catch_up()
            self._act(self.state.raised(launch.number, error))
        else:
            self.catch_up()
            self._act(self.state.returned(launch.number, value))

    def _extern_over(self, number: int, task: asyncio.Task[None]) -> None:
        del self._externs[number]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.mistake(error)

    def _timed_out(self, number: int) -> None:
        self.catch_up()
        del self._timers[number]
        self._act(self.state.timed_out(number))
