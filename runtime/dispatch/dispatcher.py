"""The dispatcher. It sends requests when there is a place for them and tries them again after failures.

Each answer is in the journal before anyone uses it. A waiting request is an entry in a queue or a timer, never a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..engine.decisions import Call
from ..limits import Place, Verdict
from ..vocabulary.errors import CallError, DiskError
from ..vocabulary.submission import LineError
from .attempt import AnsweredAttempt, Attempts, Withdrawn
from .attempt_events import Publish
from .batch import Batch, BatchSender, Landed, Over, Waiting
from .batching import Batcher, Groups
from .endpoint import Endpoint, with_batches
from .gone_live import gone_live, stop_gatherings
from .hedging import Hedges
from .ledger import NoLog
from .lines import BatchQueues
from .listener import Listener
from .outages import Allowance, closed_by, closing, goes_first, wait_after
from .under_way import UnderWay
from .waiting_calls import WaitingCalls


class Dispatcher:
    """The sender of one run's requests. ``endpoints`` has the endpoints of models by address."""

    def __init__(self, endpoints: Mapping[str, Endpoint], publish: Publish, log: NoLog, listener: Listener) -> None:
        self.endpoints = endpoints
        self.log = log
        self.listener = listener
        self._hedges = Hedges(self._send_twin)
        self._lines = BatchQueues((*with_batches(endpoints.values()),), self._pump, self._fail)
        self._attempts = Attempts(publish, log, listener, self._hedges.began, self._begun, self._lines.prompts.marked)
        self.clock = self._lines.clock
        self._batcher = Batcher()
        self._allowance = Allowance()
        self._live = UnderWay()
        self.calls = WaitingCalls(listener, log)

    @property
    def stopped(self) -> bool:
        """True after ``stop``: nothing more is sent."""
        return self._attempts.stopped

    @property
    def busy(self) -> bool:
        """True if a batch is under way or waits for another attempt, or if a call waits for its answer."""
        return bool(self._live or self.calls)

    def launch(self, calls: Iterable[Call]) -> None:
        """Queue calls. Calls with the same question share a request if the endpoint gives several answers to one."""
        touched: dict[Endpoint, None] = {}
        groups: Groups = {}
        for call in calls:
            touched[endpoint := self.endpoints[call.model].for_call(call)] = None
            self._queue(call, endpoint, groups)
        for endpoint in touched:
            if not self._lines.wake(endpoint):
                self._pump(endpoint)

    def _queue(self, call: Call, endpoint: Endpoint, groups: Groups) -> None:
        batch, made = self._batcher.place(call, endpoint, groups, asyncio.get_running_loop().time())
        self.calls.enter(call, batch)
        if made:
            self._lines.enter(batch)

    def cancel(self, number: int, keep: bool) -> None:
        """Cancel a call. A batch without other calls is cancelled too, or with ``keep`` continues for the journal."""
        batch = self.calls.drop(number)
        if batch is not None:
            batch.calls = [call for call in batch.calls if call.number != number]
            if not batch.calls:
                self._end(batch, keep=keep)
                if batch.twin is not None:
                    self._end(batch.twin, keep=keep)

    def _end(self, batch: Batch, *, keep: bool) -> None:
        self._lines.end(batch, keep=keep and self.log.keeps and batch.endpoint.live is None)
        if isinstance(batch.state, Over):
            self._live.drop(batch)

    def send_no_more(self) -> None:
        self._attempts.stopped = True
        self.clock.end()

    def stop(self) -> None:
        """Send nothing more. Batches that are under way continue."""
        self.send_no_more()
        self._live.forget_waiting()
        stop_gatherings(self.endpoints.values())
        if not self._live:
            self.listener.idle()

    async def settle(self, seconds: float) -> None:
        """Wait for the batches that continue for the journal, but at most this many seconds."""
        await self._live.settle(seconds)

    async def close(self) -> None:
        """Cancel all batches that are under way."""
        self.send_no_more()
        self._live.forget_waiting()
        self._hedges.close()
        await self._live.cancel()
        self.calls.clear()

    def _pump(self, endpoint: Endpoint) -> None:
        """Send the queued batches for which there is a place."""
        while not self.stopped and (ready := self._lines.next(endpoint)) is not None:
            self._start(*ready)

    def _start(self, batch: Batch, place: Place) -> None:
        worker = BatchSender(batch)
        task = asyncio.get_running_loop().create_task(self._work(worker))
        self._live.send(batch, task, place)
        task.add_done_callback(partial(self._ended, worker))

    async def _work(self, worker: BatchSender) -> None:
        """Make an attempt at a batch. Then use the same task for the next batch that may be sent."""
        while (batch := worker.batch) is not None:
            wait = await self._attempt(batch)
            if self.listener.behind and not isinstance(batch.state, Landed):
                # The answer may decide that the next request is not needed.
                await asyncio.sleep(0)
            worker.batch, endpoint = None, batch.endpoint
            task = self._over(batch, wait)
            ready = None if self.stopped else self._lines.next(endpoint, batch)
            if ready is not None:
                worker.batch = ready[0]
                self._live.send(ready[0], task, ready[1])
                if self._lines.waits(endpoint) and not self._lines.wake(endpoint):
                    # There may be more places than this one.
                    self._pump(endpoint)

    def _ended(self, worker: BatchSender, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.listener.mistake(error)
        if worker.batch is not None:
            self._over(worker.batch)
            self._pump(worker.batch.endpoint)

    def _over(self, batch: Batch, wait: float | None = None) -> asyncio.Task[None]:
        """End an attempt and give its place back. Return the task, which may continue with another batch.

        Another attempt follows in ``wait`` seconds, or none if it is None.
        """
        out = batch.out
        if wait is not None and batch.calls and not self.stopped:
            # The endpoint may have closed since the attempt failed: the batch then fails at once.
            self._lines.later(batch, wait if batch.endpoint.closed is None else 0, self._again)
        elif not isinstance(batch.state, Landed):
            self._live.over(batch)
        if batch.number in self._hedges.watched:
            self._hedges.ended(batch, None)
        self._lines.let_go(batch, begun=out.verdict is Verdict.OK, detail=out.detail)
        self._lines.leave(batch)
        batch.endpoint.limiter.release(out.place, out.verdict, out.used, batch.number)
        if self.stopped and not self._live:
            self.listener.idle()
        return out.task

    async def _attempt(self, batch: Batch) -> float | None:
        """Make one attempt. Return the seconds until the next one, None if the batch is over."""
        if not batch.retries.tries:
            # Neither the time in the queue nor the time of an outage counts.
            batch.retries.began = asyncio.get_running_loop().time()
        ended = await self._attempts.make(batch)
        if isinstance(ended, AnsweredAttempt):
            if batch.number in self._hedges.watched:
                self._hedges.ended(batch, ended.seconds)
            if ended.reply.rates is not None:
                batch.endpoint.limiter.learn(ended.reply.rates)
            if ended.written is None:
                self._deliver(batch, ended)
            else:
                batch.state = Landed(batch.out, ended.written)
                ended.written.add_done_callback(partial(self._written, batch, ended))
        elif isinstance(ended, Withdrawn):
            return 0.0
        elif ended is not None and batch.twin_of is not None:
            # The first request continues. If it fails too, it is sent again.
            self._attempts.twin_failed(batch, ended.error)
        elif ended is not None and ended.final:
            self._fail(batch, ended.error)
        elif ended is not None:
            return self._failed(batch, ended.error, ended.seconds)
        return None

    def _written(self, batch: Batch, ended: AnsweredAttempt, written: asyncio.Future[Any]) -> None:
        """Deliver answers that are on the disk."""
        error = None if written.cancelled() else written.exception()
        try:
            if error is None:
                self._deliver(batch, ended, used=not written.cancelled())
            else:
                self._attempts.events.cancelled(batch, wanted=True)
        except Exception as mistake:  # noqa: BLE001 - what a callback raises is seen by nobody
            error = mistake
        if isinstance(error, DiskError):
            self.listener.trouble(error)
        elif error is not None:
            self.listener.mistake(error)
        self._live.over(batch)
        if len(ended.reply.answers) < len(batch.asked):
            # The calls without an answer are queued again.
            self._pump(batch.endpoint)
        if self.stopped and not self._live:
            self.listener.idle()

    def _send_twin(self, batch: Batch) -> bool | None:
        """Send a slow request again, beside the first. Return None if no place is free, False if it is not sent."""
        if self.stopped or not batch.calls or batch.twin is not None or batch.endpoint.closed is not None:
            return False
        place = self._lines.spare(batch)
        if place is None:
            return None
        if not self.listener.hedged(batch.calls[0]):
            batch.endpoint.limiter.release(place)
            return False
        self._start(self._batcher.twin(batch), place)
        return True

    def _begun(self, batch: Batch) -> None:
        # A server that begins to answer has read the prompt.
        if self._lines.let_go(batch, begun=True):
            self._pump(batch.endpoint)

    def _failed(self, batch: Batch, error: CallError, seconds: float) -> float | None:
        """Handle an attempt without a usable answer. Return the seconds until the next one, None if there is none."""
        if isinstance(error, LineError) and batch.endpoint.live is not None:
            groups: Groups = {}
            for call in gone_live(batch, error, self._attempts, self.calls):
                self._queue(call, batch.endpoint.live, groups)
            self._pump(batch.endpoint.live)
            return None
        now = asyncio.get_running_loop().time()
        closed = closing(batch, error, now)
        try:
            wait = wait_after(batch, error, now, self._allowance)
        except CallError as final:
            self._attempts.gave_up(batch, error, final, seconds)
            self._fail(batch, final, told=True)
            if closed is not None:
                self.shut(batch.endpoint, closed)
            return None
        self._attempts.retried(batch, error, wait)
        if error.doubtful and not self.stopped:
            batch.calls = self.calls.afforded(batch.calls, batch.retries.tries)
        return wait

    def _again(self, batch: Batch) -> None:
        assert isinstance(batch.state, Waiting)
        self._live.drop(batch)
        self._lines.put(batch, first=goes_first(batch, probe=batch.state.probe))
        self._pump(batch.endpoint)

    def shut(self, endpoint: Endpoint, error: CallError) -> None:
        """Close a model, or after an EndpointError its whole endpoint. Requests that wait there fail at once."""
        for other, refused in closed_by(error, endpoint, self.endpoints.values()):
            for batch in (*self._live.waiting(other), *self._lines.clear(other)):
                self._fail(batch, refused)
                self._end(batch, keep=False)
                self._lines.let_go(batch)

    def _fail(self, batch: Batch, error: CallError, *, told: bool = False) -> None:
        if batch.twin is not None:
            self._end(batch.twin, keep=True)
        self.calls.fail(batch, error, told=told)

    def _deliver(self, batch: Batch, ended: AnsweredAttempt, *, used: bool = True) -> None:
        """Publish answers, and give them to the calls that wait for them if they can be ``used``."""
        self._attempts.events.finished(batch, ended.reply, ended.usage, ended.seconds, doubtful=ended.doubtful)
        if not used:
            return
        asked, reply = batch.asked, ended.reply
        other = batch.twin or batch.twin_of
        if other is not None:
            if batch.twin_of is not None:
                self._hedges.overtaken(other)
            self._end(other, keep=False)
        for call, answer, part in zip(asked, reply.answers, ended.parts, strict=False):
            if self.calls.answer(call, answer, part):
                self._allowance.add(batch)
        if len(reply.answers) == len(asked):
            return
        self.listener.catch_up()
        together: Groups = {}
        rest = [call for call in asked[len(reply.answers) :] if call in self.calls]
        if ended.doubtful and (failed := batch.retries.spent()) is not None:
            self._fail(batch, failed)
            return
        for call in self.calls.afforded(rest, batch.retries.tries) if ended.doubtful else rest:
            self._queue(call, batch.endpoint, together)
