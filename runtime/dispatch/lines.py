"""The queues of batches at the endpoints: batches that wait for a place, or until the server has read their prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial

from flowrun.dsl import dataclass

from ..limits import Place
from ..vocabulary.errors import CallError
from ..vocabulary.usage import TokenDetail
from .alike_queue import queue_at
from .batch import OVER, QUEUED, Batch, Queued, Waiting
from .endpoint import Endpoint
from .outages import given_up
from .prompt_cache import PromptCache
from .queues import FairQueue
from .request_waits import RequestWaits, gone_on
from .wait_clock import EndpointGate, WaitClock


@dataclass(eq=False, slots=True)
class _Line:
    """The queue of batches that wait for a place at an endpoint. ``pump`` sends the batches that may be sent.

    ``ready`` counts the batches in the queue that still have calls.
    """

    pump: Callable[[], None]
    gate: EndpointGate
    queue: FairQueue[Batch]
    ready: int = 0


class BatchQueues:
    """The queues of all endpoints. ``pump`` sends batches that may be sent; ``fail`` ends one without an attempt."""

    def __init__(
        self,
        endpoints: Collection[Endpoint],
        pump: Callable[[Endpoint], None],
        fail: Callable[[Batch, CallError], None],
    ) -> None:
        self.fail = fail
        # Each endpoint keeps one callback, because the limiter tells callbacks apart by their identity.
        self.clock = WaitClock(endpoints)
        gates = self.clock.gates
        self._lines = {one: _Line(partial(pump, one), gates[one.limiter], queue_at(one)) for one in endpoints}
        for one in endpoints:
            if (backlog := getattr(one.limiter, "backlog", None)) is not None:
                backlog(partial(getattr, self._lines[one], "ready"))
        self.prompts = PromptCache(self._hurry)

    def enter(self, batch: Batch) -> None:
        """Queue a batch, or hold it until another batch with the same head is being answered or has failed."""
        if not self.prompts.holds(batch):
            self.put(batch)

    def _hurry(self, batches: list[Batch]) -> None:
        """Queue and send batches that have waited long enough for another one."""
        for batch in batches:
            if batch.calls:
                self.put(batch)
        for endpoint in {batch.endpoint for batch in batches}:
            self._lines[endpoint].pump()

    def put(self, batch: Batch, *, first: bool = False) -> None:
        """Queue a batch. With ``first``, put it at the head of its lane."""
        line = self._lines[batch.endpoint]
        batch.waits = gone_on(batch.waits, self.clock.mark(line.gate))
        if isinstance(batch.state, Waiting):
            self.clock.retrying(line.gate, -1)
        batch.state = QUEUED
        line.ready += 1
        put = line.queue.put_first if first else line.queue.put
        put(batch.lane, batch)

    def later(self, batch: Batch, wait: float, again: Callable[[Batch], None]) -> None:
        """Call ``again`` with a batch that is out after ``wait`` seconds."""
        out, gate = batch.out, self._lines[batch.endpoint].gate
        if out.left:
            batch.waits = RequestWaits(self.clock.mark(gate), failed=True)
        batch.state = Waiting(asyncio.get_running_loop().call_later(wait, again, batch), out.place.probe)
        self.clock.retrying(gate, 1)

    def end(self, batch: Batch, *, keep: bool) -> None:
        """End a batch for which no call waits. With ``keep``, a batch that was sent continues for the journal."""
        line, state = self._lines[batch.endpoint], batch.state
        batch.end(keep=keep)
        if isinstance(state, Waiting):
            self.clock.retrying(line.gate, -1)
        elif isinstance(state, Queued):
            self._less(line)

    def _less(self, line: _Line) -> None:
        line.ready -= 1
        if not line.ready:
            self.clock.cleared(line.gate, line)

    def waits(self, endpoint: Endpoint) -> bool:
        """Tell whether a batch waits for a place at this endpoint."""
        return bool(self._lines[endpoint].queue)

    def spare(self, batch: Batch) -> Place | None:
        """Take a place for a second request of a batch. None if a queued batch goes first or no place is free."""
        endpoint = batch.endpoint
        if self.waits(endpoint) or endpoint.limiter.full:
            return None
        return endpoint.limiter.acquire(batch.tokens)

    def next(self, endpoint: Endpoint, after: Batch | None = None) -> tuple[Batch, Place] | None:
        """Take the next batch that may be sent, with its place. None if no batch may be sent.

        The place may be one that the batch ``after`` has just had.
        """
        line, limiter = self._lines[endpoint], endpoint.limiter
        while (batch := line.queue.peek(after)) is not None:
            if not batch.calls:
                line.queue.drop()
                self.let_go(batch)
            elif endpoint.closed is not None:
                self._refuse(line, endpoint.closed)
            elif (place := limiter.acquire(batch.tokens)) is not None:
                line.queue.pop()
                batch.waits = gone_on(batch.waits, self.clock.mark(line.gate))
                self._less(line)
                return batch, place
            elif (lost := given_up(endpoint, asyncio.get_running_loop().time())) is not None:
                self._refuse(line, lost)
            else:
                limiter.on_ready(line.pump)
                line.gate.lines.add(line)
                break
        if line.gate.waiting:
            self.clock.look(line.gate)
        return None

    def _refuse(self, line: _Line, error: CallError) -> None:
        batch = line.queue.drop()
        self._less(line)
        self.fail(batch, error)
        self.let_go(batch)

    def let_go(self, batch: Batch, *, begun: bool = False, detail: TokenDetail | None = None) -> bool:
        """Queue the batches that have waited for this batch, or let one of them go first. Return True if any waited.

        With ``begun`` the server has begun to answer the batch. ``detail`` are the special tokens of the answer.
        """
        if detail is not None:
            self.prompts.learn(batch, detail)
        if not batch.prompt.marks:
            return False
        followers = self.prompts.release(batch, begun=begun)
        for follower in followers:
            if follower.calls:
                self.enter(follower)
        return bool(followers)

    def wake(self, endpoint: Endpoint) -> bool:
        """Ask the limiter to call the pump when a place is free. Return False if the pump can send at once."""
        limiter = endpoint.limiter
        if not limiter.full or endpoint.closed is not None or limiter.hopeless:
            return False
        line = self._lines[endpoint]
        limiter.on_ready(line.pump)
        if line.ready:
            self.clock.blocked(line.gate, line)
        return True

    def leave(self, batch: Batch) -> None:
        """Record that a batch has its place no more.

        Withdraw its queue's request for a place if no other queue waits, because it takes the next place itself.
        """
        endpoint = batch.endpoint
        line = self._lines[endpoint]
        line.queue.left(batch)
        endpoint.limiter.forget_alone(line.pump)

    def clear(self, endpoint: Endpoint) -> list[Batch]:
        """Take all batches out of a queue. They are over."""
        line = self._lines[endpoint]
        taken = line.queue.clear()
        for batch in taken:
            batch.state = OVER
        line.ready = 0
        self.clock.cleared(line.gate, line)
        return taken
