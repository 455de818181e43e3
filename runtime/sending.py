"""Requests on their way: in line for a place, sent, tried again, and their answers written down before anyone has them.

A request that must wait, for a place or to be tried again, is a row in a queue or a timer, never a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from copy import copy
from functools import partial

from . import events as e
from .attempts import Answered, Attempts, Publish
from .batches import Batch, Endpoint, Listener
from .decisions import Call
from .errors import CallError, EndpointError
from .hedging import Hedges
from .limits import Place
from .outages import Allowance, closing, given_up, goes_first, wait_after
from .prefixes import Prefixes, prompt_tokens
from .runlog import NoLog


class Sender:
    """The requests of one run. ``endpoints`` are by the model's address."""

    def __init__(self, endpoints: Mapping[str, Endpoint], publish: Publish, log: NoLog, listener: Listener) -> None:
        self.endpoints = endpoints
        self.publish = publish
        self.log = log
        self.listener = listener
        self._hedges = Hedges(self._send_twin)
        self._attempts = Attempts(publish, log, listener.trouble, self._hedges.began, self._begun)
        self._tasks: dict[Batch, asyncio.Task[None]] = {}
        self._held: dict[asyncio.Task[None], tuple[Endpoint, Batch, Place]] = {}
        self._timers: dict[Batch, asyncio.TimerHandle] = {}
        self._batch_of: dict[int, Batch] = {}
        self._prefixes = Prefixes()
        self._allowance = Allowance()
        self._requests = 0
        for endpoint in endpoints.values():
            # One callback an endpoint: the limiter knows who waits by its identity.
            endpoint.pump = partial(self._pump, endpoint)

    @property
    def stopped(self) -> bool:
        """Nothing more is sent."""
        return self._attempts.stopped

    @property
    def busy(self) -> bool:
        """Whether a request is on its way, or waits to be tried again, or somebody waits for a call."""
        return bool(self._tasks or self._timers or self._batch_of)

    def launch(self, calls: Iterable[Call]) -> None:
        """Put calls in line. Those that ask the same share a request where the endpoint serves several answers."""
        touched: dict[int, Endpoint] = {}
        groups: dict[tuple[str, tuple[int, str]], Batch] = {}
        for call in calls:
            endpoint = self.endpoints[call.model]
            self._queue(call, endpoint, groups)
            touched[id(endpoint)] = endpoint
        for endpoint in touched.values():
            self._pump_where_free(endpoint)

    def _queue(self, call: Call, endpoint: Endpoint, groups: dict[tuple[str, tuple[int, str]], Batch]) -> None:
        if call.group is not None and endpoint.provider.samples > 1:
            batch = groups.get((call.model, call.group))
            if batch is not None and batch.fits(call, endpoint.provider.samples):
                batch.calls.append(call)
                self._batch_of[call.number] = batch
                return
        self._requests += 1
        batch = Batch.of(self._requests, call, endpoint.policy, prompt_tokens(call.request))
        if call.group is not None:
            groups[call.model, call.group] = batch
        self._batch_of[call.number] = batch
        if not self._prefixes.holds(batch, endpoint):
            endpoint.queue.put(call.lane, batch)

    def cancel(self, number: int, keep: bool) -> None:
        """Nobody waits for this call. A request that nobody waits for is broken off, or kept for the journal."""
        batch = self._batch_of.pop(number, None)
        if batch is None:
            return
        batch.calls = [call for call in batch.calls if call.number != number]
        if batch.calls:
            return
        self._break_off(batch, keep=keep)
        if batch.twin is not None:
            self._break_off(batch.twin, keep=keep)

    def _break_off(self, batch: Batch, *, keep: bool) -> None:
        batch.calls = []
        if timer := self._timers.pop(batch, None):
            timer.cancel()
        task = self._tasks.get(batch)
        # One that has not left sees by itself that nobody waits: broken off here it would look as if it had.
        if task is not None and batch.left and task is not asyncio.current_task():
            batch.kept = keep and self.log.keeps
            if not batch.kept:
                task.cancel()

    def send_no_more(self) -> None:
        self._attempts.stopped = True

    def stop(self) -> None:
        """Send nothing more. What is on its way goes on."""
        self.send_no_more()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if not self._tasks:
            self.listener.idle()

    async def settle(self, seconds: float) -> None:
        """Give requests that are kept for the journal so long to end."""
        kept = [task for batch, task in self._tasks.items() if batch.kept]
        if kept:
            await asyncio.wait(kept, timeout=seconds)

    async def close(self) -> None:
        """Break off all that is on its way."""
        self._attempts.stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._hedges.close()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._batch_of.clear()

    # Sending

    def _pump(self, endpoint: Endpoint) -> None:
        """Send what may leave."""
        while (ready := self._next(endpoint)) is not None:
            self._start(endpoint, *ready)

    def _start(self, endpoint: Endpoint, batch: Batch, place: Place) -> None:
        task = asyncio.get_running_loop().create_task(self._work(endpoint, batch))
        self._hold(task, endpoint, batch, place)
        task.add_done_callback(self._ended)

    def _pump_where_free(self, endpoint: Endpoint) -> None:
        if endpoint.limiter.full and endpoint.closed is None and not endpoint.limiter.hopeless:
            endpoint.limiter.on_ready(endpoint.pump)
        else:
            self._pump(endpoint)

    def _hold(self, task: asyncio.Task[None], endpoint: Endpoint, batch: Batch, place: Place) -> None:
        self._tasks[batch] = task
        batch.probe = place.probe
        self._held[task] = (endpoint, batch, place)

    def _next(self, endpoint: Endpoint) -> tuple[Batch, Place] | None:
        """The next request that may leave, with its place."""
        queue, limiter = endpoint.queue, endpoint.limiter
        while queue and not self.stopped:
            batch = queue.peek()
            if not batch.calls:
                queue.pop()
                self._let_go(endpoint, batch)
            elif endpoint.closed is not None:
                queue.pop()
                self._fail(batch, endpoint.closed)
                self._let_go(endpoint, batch)
            elif (place := limiter.acquire(batch.tokens)) is not None:
                queue.pop()
                return batch, place
            elif (lost := given_up(endpoint, asyncio.get_running_loop().time())) is not None:
                queue.pop()
                self._fail(batch, lost)
                self._let_go(endpoint, batch)
            else:
                limiter.on_ready(endpoint.pump)
                break
        return None

    def _let_go(self, endpoint: Endpoint, batch: Batch) -> bool:
        """Put those in line that have waited for this request; whether there were any."""
        followers = self._prefixes.release(batch)
        for follower in followers:
            if follower.calls:
                endpoint.queue.put(follower.lane, follower)
        return bool(followers)

    async def _work(self, endpoint: Endpoint, batch: Batch) -> None:
        """Attempt a request, and with the same task what may leave when that is over."""
        task = asyncio.current_task()
        assert task is not None
        while True:
            await self._attempt(endpoint, batch)
            if self.listener.behind:
                # What an answer decides may make the next request needless.
                await asyncio.sleep(0)
            self._over(*self._held.pop(task))
            ready = self._next(endpoint)
            if ready is None:
                return
            self._hold(task, endpoint, *ready)
            if endpoint.queue:
                # There may be more places than this one.
                self._pump_where_free(endpoint)
            batch = ready[0]

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.listener.mistake(error)
        if held := self._held.pop(task, None):
            self._over(*held)
            self._pump(held[0])

    def _over(self, endpoint: Endpoint, batch: Batch, place: Place) -> None:
        del self._tasks[batch]
        self._hedges.ended(batch, None)
        self._let_go(endpoint, batch)
        limiter = endpoint.limiter
        if limiter.waits_alone(endpoint.pump):
            # Who gives the place back takes the next one itself.
            limiter.forget(endpoint.pump)
        limiter.release(place, batch.verdict, batch.used, batch.number)
        if self.stopped and not self._tasks:
            self.listener.idle()

    async def _attempt(self, endpoint: Endpoint, batch: Batch) -> None:
        if not batch.retries.tries:
            # Neither the time in line counts nor that of an outage.
            batch.retries.began = asyncio.get_running_loop().time()
        ended = await self._attempts.make(endpoint, batch)
        if isinstance(ended, Answered):
            self._hedges.ended(batch, ended.seconds)
            if ended.reply.rates is not None:
                endpoint.limiter.learn(ended.reply.rates)
            self._deliver(endpoint, batch, ended)
        elif ended is not None and batch.twin_of is not None:
            # The first one goes on, and is sent again where it fails too.
            self.publish(e.RequestCancelled(batch.number, batch.asked[0].path, len(batch.asked)))
        elif ended is not None and ended.final:
            self._fail(batch, ended.error)
        elif ended is not None:
            self._failed(endpoint, batch, ended.error, ended.seconds)

    def _send_twin(self, endpoint: Endpoint, batch: Batch) -> bool | None:
        """Send a request that takes long a second time, side by side: None for no place yet, False for no money."""
        if self.stopped or not batch.calls or batch.twin is not None or endpoint.closed is not None:
            return False
        if endpoint.queue or endpoint.limiter.full:
            # What has not been asked at all goes first.
            return None
        place = endpoint.limiter.acquire(batch.tokens)
        if place is None:
            return None
        if not self.listener.hedged(batch.calls[0]):
            endpoint.limiter.release(place)
            return False
        self._requests += 1
        twin = Batch(self._requests, list(batch.calls), batch.retries, prompt=batch.prompt, twin_of=batch)
        batch.twin = twin
        self._start(endpoint, twin, place)
        return True

    def _begun(self, endpoint: Endpoint, batch: Batch) -> None:
        # Who begins to answer has read the prompt.
        if batch.followers and self._let_go(endpoint, batch):
            self._pump(endpoint)

    def _failed(self, endpoint: Endpoint, batch: Batch, error: CallError, seconds: float) -> None:
        """An attempt has ended without an answer that can be used."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        closed = closing(endpoint, batch, error, now)
        number, path, count = batch.number, batch.asked[0].path, len(batch.asked)
        try:
            wait = wait_after(endpoint, batch, error, now, self._allowance)
        except CallError as final:
            self.publish(e.RequestFailed(number, path, endpoint.provider.model, count, seconds, str(final)))
            self._fail(batch, final)
            if closed is not None:
                self._close(endpoint, closed)
            return
        self.publish(e.RequestRetried(number, path, str(error), wait, count))
        if self.stopped:
            return
        if error.doubtful:
            batch.calls = self._afforded(batch.calls, batch.retries.tries)
        if batch.calls:
            self._timers[batch] = loop.call_later(wait, self._again, endpoint, batch)

    def _afforded(self, calls: list[Call], tries: int) -> list[Call]:
        """The calls that may be sent again after so many ``tries``, though they may have been paid."""
        for call in calls:
            call.tries = tries
        again = [call for call in calls if self.listener.doubted(call)]
        for call in calls:
            if call not in again:
                self._batch_of.pop(call.number, None)
        # One may be taken back by what is decided of another.
        return [call for call in again if call.number in self._batch_of]

    def _again(self, endpoint: Endpoint, batch: Batch) -> None:
        del self._timers[batch]
        put = endpoint.queue.put_first if goes_first(endpoint, batch) else endpoint.queue.put
        put(batch.lane, batch)
        self._pump(endpoint)

    def _close(self, endpoint: Endpoint, error: CallError) -> None:
        """No request of this model can succeed any more, or none at the whole endpoint: what waits fails at once."""
        # Waiting calls are refused, whatever became of the request that met the end.
        refused = copy(error)
        refused.doubtful = False
        for other in self.endpoints.values():
            if other is not endpoint and not (isinstance(error, EndpointError) and other.limiter is endpoint.limiter):
                continue
            other.closed = refused
            waiting = [batch for batch in self._timers if self.endpoints[batch.calls[0].model] is other]
            for batch in waiting:
                self._timers.pop(batch).cancel()
            for batch in (*waiting, *other.queue.clear()):
                self._fail(batch, refused)
                self._let_go(other, batch)

    def _fail(self, batch: Batch, error: CallError) -> None:
        if batch.twin is not None:
            self._break_off(batch.twin, keep=True)
        for call in tuple(batch.calls):
            if self._batch_of.pop(call.number, None) is not None:
                self.listener.failed(call, batch.part_of(error, call))

    def _deliver(self, endpoint: Endpoint, batch: Batch, ended: Answered) -> None:
        asked, reply = batch.asked, ended.reply
        other = batch.twin or batch.twin_of
        if other is not None:
            if batch.twin_of is not None:
                self._hedges.overtaken(other)
            self._break_off(other, keep=False)
        for call, answer, part in zip(asked, reply.answers, ended.parts, strict=False):
            if self._batch_of.pop(call.number, None) is not None:
                self._allowance.add(batch)
                self.listener.answered(call, answer, part)
        if len(reply.answers) == len(asked):
            return
        self.listener.catch_up()
        together: dict[tuple[str, tuple[int, str]], Batch] = {}
        rest = [call for call in asked[len(reply.answers) :] if call.number in self._batch_of]
        if ended.doubtful and (failed := batch.retries.spent()) is not None:
            self._fail(batch, failed)
            return
        for call in self._afforded(rest, batch.retries.tries) if ended.doubtful else rest:
            self._queue(call, endpoint, together)
