"""The scheduler. It carries out the decisions of the state machine, and tells it the results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from ..engine.decisions import (
    Call,
    Cancel,
    CancelExtern,
    CancelRead,
    Decision,
    Finish,
    HandOn,
    Launch,
    LaunchExtern,
    Outcome,
    Read,
    StartTimer,
    StopTimer,
)
from ..engine.driven import Driven
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError, FlowrunError, PermanentError
from ..vocabulary.json_value import Json
from ..vocabulary.question import AskPerson
from ..vocabulary.usage import NO_USAGE, Usage
from .attempt_events import Publish
from .batch import Batch
from .desk import Desk
from .dispatcher import Dispatcher
from .endpoint import Endpoint, grown_window, places_of
from .ledger import NoLog
from .listener import Listener
from .outside import CallExtern, DoRead, called, done, no_files, no_python
from .tasks import Tasks
from .wait_clock import WaitClock

__all__ = ["Endpoint", "Publish", "Scheduler"]

GRACE = 20.0
"""Seconds that a failed or stopped run waits for answers that are under way, for these are paid.

Programs that send SIGTERM often send SIGKILL 30 seconds later.
"""


class Scheduler(Listener):
    """The driver of a state machine, from start to end. ``endpoints`` has the endpoints of models by address."""

    def __init__(
        self,
        state: Driven,
        endpoints: Mapping[str, Endpoint],
        publish: Publish,
        call_extern: CallExtern = no_python,
        log: NoLog | None = None,
        hand_on: Callable[[Json], None] = lambda value: None,
        do_read: DoRead = no_files,
        ask_person: AskPerson | None = None,
    ) -> None:
        self.state = state
        self.publish = publish
        self._outside = call_extern, do_read
        self.hand_on = hand_on
        self._dispatcher = Dispatcher(endpoints, publish, log or NoLog(), self)
        state.see(partial(places_of, endpoints))
        self._heard: list[tuple[int, Answer | CallError | None, Usage]] = []
        self._tasks = Tasks(self.mistake, self._left)
        self._desk = Desk(ask_person, publish, self._dispatcher.log, self, self._left)
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._outcome: asyncio.Future[Outcome] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._stopped: FlowrunError | None = None

    async def run(self) -> Outcome:
        """Run until the flow has ended. If this is cancelled, it first cancels everything in flight."""
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            if self._stopped is None:
                self._act(self.state.begin())
            else:
                self.state.announce()
                self.idle()
            outcome = await self._outcome
            await self._dispatcher.settle(GRACE)
            return replace(outcome, stopped=self._stopped)
        finally:
            if self._grace is not None:
                self._grace.cancel()
            for timer in self._timers.values():
                timer.cancel()
            self._tasks.cancel_all()
            await self._desk.close()
            await self._dispatcher.close()
            await self._tasks.settle()

    @property
    def clock(self) -> WaitClock:
        """The clock of the time in which calls wait."""
        return self._dispatcher.clock

    @property
    def busy(self) -> bool:
        """True if anything of the run is under way or waits."""
        return self._dispatcher.busy or self._desk.asking or bool(self._tasks or self._timers or self._heard)

    @property
    def only_calls(self) -> set[Batch] | None:
        """The batches under way, if the run waits for nothing else; else empty. None if it is stopped or over."""
        if self._stopped is not None or (self._outcome is not None and self._outcome.done()):
            return None
        return set() if self._waits else self._dispatcher.calls.batches

    @property
    def _waits(self) -> bool:
        kept = self.state.paused or self.state.withheld.models
        return bool(self._heard or self._tasks or self._desk.asking or kept)

    def stop(self, why: FlowrunError) -> None:
        """Begin nothing more. The run ends when all requests under way have ended, or after ``GRACE`` seconds.

        If it is called several times, the first reason counts. Call it from the event loop of the run.
        """
        if self._stopped is not None:
            return
        self._stopped = why
        self._grace = asyncio.get_running_loop().call_later(GRACE, self.idle)
        self._desk.stop()
        self._tasks.close()
        self._dispatcher.stop()

    def _left(self) -> None:
        """Stop the run when only open questions are left. The end of the present turn may bring more work."""
        if self._desk.open is not None and self._stopped is None:
            asyncio.get_running_loop().call_soon(self._stop_if_open)

    def _stop_if_open(self) -> None:
        waits = self._waits or self._dispatcher.calls or self._outcome is None
        if not waits and self.only_calls is not None and (open_ := self._desk.open) is not None:
            self.stop(open_)

    def _act(self, decisions: Iterable[Decision]) -> None:
        if not self.state.holding:
            self._publish_all()
        launched: dict[int, Call] = {}
        unknown: list[Call] = []
        loop = asyncio.get_running_loop()
        for decision in decisions:
            match decision:
                case Launch(call):
                    if call.question is not None:
                        self._desk.launch(call)
                    elif call.model in self._dispatcher.endpoints:
                        launched[call.number] = call
                    else:
                        unknown.append(call)
                case Cancel(number, keep):
                    if launched.pop(number, None) is None and not self._desk.cancel(number):
                        self._dispatcher.cancel(number, keep)
                case LaunchExtern(number):
                    self._tasks.start(("extern", number), self._call_extern(decision))
                case Read(number):
                    self._tasks.start(("read", number), self._read(decision))
                case CancelExtern(number) | CancelRead(number):
                    self._tasks.cancel(("extern" if isinstance(decision, CancelExtern) else "read", number))
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
                        # From here on no request may take a free place.
                        self._outcome.set_result(outcome)
                        self._dispatcher.send_no_more()
                        self._desk.stop()
                case _:
                    self._beyond(decision)
        if launched:
            self._dispatcher.launch(launched.values())
        for call in unknown:
            error = PermanentError(f"the model `{call.model}` was unknown when the run began: declare it in the flow")
            self.failed(call, error)
        if self.state.paused and self._stopped is None:
            self._hear(0, None, NO_USAGE)
        if self.state.withheld.read():
            self._dispatcher.clock.keep_back(self.state.withheld, self._dispatcher.endpoints)
        self._left()

    def _beyond(self, decision: Decision) -> None:
        """Carry out a decision about bodies that run elsewhere. This scheduler has no such place."""

    def _publish_all(self) -> None:
        for event in self.state.events:
            self.publish(event)
        self.state.events.clear()

    # Answers and failures of calls

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        self._hear(call.number, answer, usage)

    def failed(self, call: Call, error: CallError) -> None:
        self._hear(call.number, error, NO_USAGE)

    def _hear(self, number: int, came: Answer | CallError | None, usage: Usage) -> None:
        """Take what came for a call. ``came`` is None if the state machine has only paused."""
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
        before = self.state.window
        if (window := grown_window(self._dispatcher.endpoints.values(), before)) > before:
            self.state.widened(window)
        decisions: list[Decision] = []
        for number, came, usage in heard:
            if isinstance(came, CallError):
                decisions += self.state.failed(number, came)
            elif came is not None:
                decisions += self.state.answered(number, came, usage)
            elif self._stopped is None:
                decisions += self.state.go_on()
        self._act(decisions)

    @property
    def behind(self) -> bool:
        """True if there are answers left to handle."""
        return bool(self._heard)

    def doubted(self, call: Call, *, live: bool = False) -> bool:
        self.catch_up()
        afforded, decisions = self.state.doubted(call.number, live=live)
        self._act(decisions)
        return afforded

    def hedged(self, call: Call) -> bool:
        hedged = self.state.hedged(call.number)
        if not self.state.holding:
            self._publish_all()
        return hedged

    def idle(self) -> None:
        self.catch_up()
        if self._stopped is not None and self._outcome is not None and not self._outcome.done():
            self._publish_all()
            self._outcome.set_result(self.state.abandoned())

    def trouble(self, error: DiskError) -> None:
        self.stop(error)

    def mistake(self, error: BaseException) -> None:
        """End the run with an unexpected exception of its own tasks: a fault of flowrun, which must be seen."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)

    # Externs, reads and timers

    async def _call_extern(self, launch: LaunchExtern) -> None:
        value = await called(launch, self._outside[0], self._dispatcher.log)
        self.catch_up()
        if isinstance(value, FlowrunError):
            self._act(self.state.raised(launch.number, value))
        else:
            self._act(self.state.returned(launch.number, value))

    async def _read(self, read: Read) -> None:
        value = await done(read, self._outside[1], partial(self._slow, read.number))
        self.catch_up()
        self._act(self.state.read(read.number, value))

    def _slow(self, number: int) -> None:
        self.catch_up()
        self._act(self.state.slow(number))

    def _timed_out(self, number: int) -> None:
        self.catch_up()
        del self._timers[number]
        self._act(self.state.timed_out(number))
