"""Acts on what the state machine decides: sends requests within limits, and brings the answers back.

A call that must wait for a place is a row in a queue, never a task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from . import events as e
from .decisions import Call, Cancel, CancelExtern, Decision, Finish, Launch, LaunchExtern, Outcome
from .errors import AnswerError, CallError, FlowrunError, PermanentError, UsageError
from .limits import Limiter
from .providers.protocol import Provider, Reply
from .retry import RetryPolicy, with_retries
from .state import State

Json = Any
Publish = Callable[[e.Event], None]
CallExtern = Callable[[str, Mapping[str, Json]], Awaitable[Json]]
"""Calls an extern, by its key, with its arguments. Raises FlowrunError."""


@dataclass(eq=False, slots=True)
class Batch:
    """Calls that ask the same, sent as one request."""

    number: int
    calls: list[Call]


@dataclass(eq=False, slots=True)
class Endpoint:
    """A model as the scheduler uses it. Models of one endpoint share its limiter."""

    provider: Provider
    limiter: Limiter
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    queue: deque[Batch] = field(default_factory=deque)
    pump: Callable[[], None] = lambda: None
    _starting: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Start the provider before its first request; True for the caller who did. Others wait for the same start."""
        first = self._starting is None
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self.provider.start())
        await asyncio.shield(self._starting)
        return first

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.provider.close()


async def _no_python(extern: str, args: Mapping[str, Json]) -> Json:
    raise UsageError(f"nothing here may run Python, and `{extern}` does")


class Scheduler:
    """Runs one state machine to its end. ``endpoints`` are by the model's address."""

    def __init__(
        self,
        state: State,
        endpoints: Mapping[str, Endpoint],
        publish: Publish,
        call_extern: CallExtern = _no_python,
    ) -> None:
        self.state = state
        self.endpoints = endpoints
        self.publish = publish
        self.call_extern = call_extern
        self._externs: dict[int, asyncio.Task[None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._batch_of: dict[int, Batch] = {}
        self._requests = 0
        self._outcome: asyncio.Future[Outcome] | None = None
        for endpoint in endpoints.values():
            # One callback an endpoint: the limiter knows who waits by its identity.
            endpoint.pump = partial(self._pump, endpoint)

    async def run(self) -> Outcome:
        """Returns when the flow has ended. When this is cancelled, so is all that is in flight, before it returns."""
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            self._act(self.state.begin())
            return await self._outcome
        finally:
            tasks = [*self._tasks.values(), *self._externs.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _act(self, decisions: Iterable[Decision]) -> None:
        for event in self.state.events:
            self.publish(event)
        self.state.events.clear()
        touched: dict[int, Endpoint] = {}
        unknown: list[Call] = []
        groups: dict[tuple[str, tuple[int, str]], Batch] = {}
        for decision in decisions:
            match decision:
                case Launch(call):
                    endpoint = self.endpoints.get(call.model)
                    if endpoint is None:
                        unknown.append(call)
                        continue
                    self._queue(call, endpoint, groups)
                    touched[id(endpoint)] = endpoint
                case Cancel(number):
                    self._cancel(number)
                case LaunchExtern(number):
                    task = asyncio.get_running_loop().create_task(self._call_extern(decision))
                    self._externs[number] = task
                    task.add_done_callback(partial(self._extern_over, number))
                case CancelExtern(number):
                    # One that is not there is over, or is the one that this is decided by.
                    extern = self._externs.get(number)
                    if extern is not None and extern is not asyncio.current_task():
                        extern.cancel()
                case Finish(outcome):
                    assert self._outcome is not None
                    if not self._outcome.done():
                        self._outcome.set_result(outcome)
        for endpoint in touched.values():
            self._pump(endpoint)
        for call in unknown:
            error = PermanentError(f"the model `{call.model}` was not known when the run began: declare it in the flow")
            self._act(self.state.failed(call.number, error))

    def _queue(self, call: Call, endpoint: Endpoint, groups: dict[tuple[str, tuple[int, str]], Batch]) -> None:
        """Put a call in line, in one request with others of its group where the endpoint serves several answers."""
        if call.group is not None and endpoint.provider.samples > 1:
            batch = groups.get((call.model, call.group))
            fits = batch is not None and len(batch.calls) < endpoint.provider.samples
            if batch is not None and fits and batch.calls[0].request == call.request:
                batch.calls.append(call)
                self._batch_of[call.number] = batch
                return
        self._requests += 1
        batch = Batch(self._requests, [call])
        if call.group is not None:
            groups[call.model, call.group] = batch
        self._batch_of[call.number] = batch
        endpoint.queue.append(batch)

    def _send(self, endpoint: Endpoint, batch: Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._request(endpoint, batch))
        self._tasks[batch.number] = task
        task.add_done_callback(lambda done: self._over(endpoint, batch, done))

    def _over(self, endpoint: Endpoint, batch: Batch, task: asyncio.Task[None]) -> None:
        del self._tasks[batch.number]
        self._seen(task)
        endpoint.limiter.release()

    def _seen(self, task: asyncio.Task[None]) -> None:
        """What a task of ours raises is not a failed call but a mistake of ours: it must be seen."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)

    async def _call_extern(self, launch: LaunchExtern) -> None:
        try:
            value = await self.call_extern(launch.extern, launch.args)
        except FlowrunError as error:
            self._act(self.state.raised(launch.number, error))
        else:
            self._act(self.state.returned(launch.number, value))

    def _extern_over(self, number: int, task: asyncio.Task[None]) -> None:
        del self._externs[number]
        self._seen(task)

    async def _request(self, endpoint: Endpoint, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        provider, calls = endpoint.provider, batch.calls
        first = calls[0]
        asked = len(calls)
        policy = endpoint.policy
        if first.retries is not None:
            policy = replace(policy, attempts=first.retries + 1)

        def retried(error: CallError, wait: float) -> None:
            if error.retry_after is not None:
                endpoint.limiter.pause(error.retry_after)
            self.publish(e.RequestRetried(batch.number, first.path, str(error), wait))

        began = loop.time()
        try:
            loaded = await endpoint.ready()
        except FlowrunError as error:
            self._fail(calls, error)
            return
        if loaded:
            self.publish(e.ModelReady(provider.model, loop.time() - began))
        began = loop.time()
        self.publish(e.RequestStarted(batch.number, first.path, provider.model, asked))
        try:
            reply = await with_retries(lambda: provider.complete(first.request, asked), policy, retried)
        except FlowrunError as error:
            self.publish(
                e.RequestFailed(batch.number, first.path, provider.model, asked, loop.time() - began, str(error))
            )
            self._fail(calls, error)
            return
        except asyncio.CancelledError:
            self.publish(e.RequestCancelled(batch.number, first.path, asked))
            raise
        self.publish(
            e.RequestFinished(
                batch.number,
                first.path,
                provider.model,
                asked,
                loop.time() - began,
                reply.usage.input_tokens,
                reply.usage.output_tokens,
                min(asked, len(reply.answers)),
            )
        )
        self._deliver(endpoint, calls, reply)

    def _fail(self, calls: list[Call], error: FlowrunError) -> None:
        # A provider that does not start is as final as a request that nobody will ever take.
        final = error if isinstance(error, CallError) else PermanentError(str(error))
        for call in calls:
            self._batch_of.pop(call.number, None)
            self._act(self.state.failed(call.number, final))

    def _deliver(self, endpoint: Endpoint, calls: list[Call], reply: Reply) -> None:
        if not reply.answers:
            self._fail(calls, AnswerError("the reply holds no answer"))
            return
        share = reply.usage.share(min(len(calls), len(reply.answers)))
        for call, answer in zip(calls, reply.answers, strict=False):
            self._batch_of.pop(call.number, None)
            self._act(self.state.answered(call.number, answer, share))
        # A server may answer fewer times than asked: the rest is asked for again, one by one.
        for call in calls[len(reply.answers) :]:
            if call.number in self._batch_of:
                self._queue(call, endpoint, {})
        self._pump(endpoint)

    def _cancel(self, number: int) -> None:
        batch = self._batch_of.pop(number, None)
        if batch is None:
            return
        batch.calls = [call for call in batch.calls if call.number != number]
        task = self._tasks.get(batch.number)
        if not batch.calls and task is not None and task is not asyncio.current_task():
            task.cancel()

    def _pump(self, endpoint: Endpoint) -> None:
        if self._outcome is None or self._outcome.done():
            # The run is over: places that come free from here on are for nobody.
            return
        while endpoint.queue:
            if not endpoint.queue[0].calls:
                endpoint.queue.popleft()
            elif endpoint.limiter.try_acquire():
                self._send(endpoint, endpoint.queue.popleft())
            else:
                endpoint.limiter.on_ready(endpoint.pump)
                return
