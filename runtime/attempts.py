"""One attempt at a request: it leaves, its end is written down, and what came of it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import events as e
from .batches import Batch, Endpoint
from .decisions import Call
from .errors import (
    AnswerError,
    CallError,
    DiskError,
    FlowrunError,
    InDoubtError,
    PermanentError,
    RefusedError,
    mistake_in,
)
from .limits import Verdict
from .metering import Usage
from .providers.protocol import Reply, Request
from .requests import believable
from .runlog import NoLog

Publish = Callable[[e.Event], None]
_OVERLOADED = frozenset({503, 529})


@dataclass(frozen=True, slots=True)
class Answered:
    """What came after so many seconds, and each answer's part of the bill."""

    reply: Reply
    share: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer that can be used came, after so many seconds; one that never left is ``final``."""

    error: CallError
    seconds: float = 0.0
    final: bool = False


class Attempts:
    """Makes attempts. ``trouble`` is told of a journal that cannot be written, ``left`` of a request that
    has gone out, and ``begun`` of an answer that comes in."""

    def __init__(
        self,
        publish: Publish,
        log: NoLog,
        trouble: Callable[[DiskError], None],
        left: Callable[[Endpoint, Batch], None],
        begun: Callable[[Endpoint, Batch], None],
    ) -> None:
        self.publish = publish
        self.log = log
        self.trouble = trouble
        self.left = left
        self.begun = begun
        self.stopped = False

    async def make(self, endpoint: Endpoint, batch: Batch) -> Answered | Failed | None:
        """None for one that did not leave after all, or could not be written down."""
        loop = asyncio.get_running_loop()
        provider = endpoint.provider
        batch.left, batch.verdict, batch.used = False, Verdict.NEUTRAL, None
        began = loop.time()
        try:
            loaded = not endpoint.up and await endpoint.ready()
        except FlowrunError as error:
            # A provider that does not start is as final as a request that nobody will ever take.
            return Failed(error if isinstance(error, CallError) else PermanentError(str(error)), final=True)
        except Exception as mistake:  # noqa: BLE001 (a provider may be anybody's)
            said = f"{provider.model}: its provider did not start ({mistake_in(mistake)})"
            return Failed(PermanentError(said), final=True)
        if loaded:
            self.publish(e.ModelReady(provider.model, loop.time() - began))
        asked = tuple(batch.calls)
        if not asked or not await self._intend(batch, asked):
            return None
        batch.left = True
        number, path, count = batch.number, asked[0].path, len(asked)
        began = loop.time()
        self.publish(e.RequestStarted(number, path, provider.model, count))
        self.left(endpoint, batch)
        try:
            reply = await provider.complete(self._heard(endpoint, batch), count, batch.key)
        except FlowrunError as error:
            failed = error if isinstance(error, CallError) else PermanentError(str(error))
            # It is kept to the end of the run, and what came, held by the frames that raised it, is not.
            failed.__traceback__ = failed.__context__ = None
            batch.verdict = _verdict(failed)
            return await self._failed(batch, failed, loop.time() - began)
        except Exception as mistake:  # noqa: BLE001 (a provider may be anybody's, and what it reads too)
            said = f"{provider.model}: its provider failed ({mistake_in(mistake)})"
            failed = InDoubtError(f"{said}; it may have been paid")
            batch.verdict = _verdict(failed)
            return await self._failed(batch, failed, loop.time() - began)
        except asyncio.CancelledError:
            # One that is still wanted has no end in the journal: whoever goes on is told that it may be paid.
            if not batch.calls and not batch.kept:
                self.log.over(asked, None)
            self.publish(e.RequestCancelled(number, path, count))
            raise
        batch.verdict, usage = Verdict.OK, believable(reply.usage, asked[0].request, count)
        if usage.input_tokens is not None and usage.output_tokens is not None:
            batch.used = usage.input_tokens + usage.output_tokens
        answers = min(count, len(reply.answers))
        share = usage.share(max(1, answers))
        seconds = loop.time() - began
        try:
            await self.log.answered(asked, reply.answers, share)
        except DiskError as error:
            self.trouble(error)
            return None
        read, written = usage.input_tokens, usage.output_tokens
        self.publish(e.RequestFinished(number, path, provider.model, count, seconds, read, written, answers))
        return Answered(reply, share, seconds)

    def _heard(self, endpoint: Endpoint, batch: Batch) -> Request:
        """The request, which tells how far its answer has come where that comes in pieces."""
        number, path, request = batch.number, batch.asked[0].path, batch.asked[0].request
        if not request.stream:
            return request

        def hear(characters: int) -> None:
            self.publish(e.AnswerGrew(number, path, characters))
            self.begun(endpoint, batch)

        return replace(request, hear=hear)

    async def _intend(self, batch: Batch, asked: tuple[Call, ...]) -> bool:
        """Write down that a request is about to leave; whether it is to leave still."""
        try:
            if asked != batch.asked:
                # The same key stands for the same request only.
                batch.asked, batch.key = asked, self.log.request_key(asked)
            await self.log.intend(asked, batch.key)
        except DiskError as error:
            self.trouble(error)
            return False
        except asyncio.CancelledError:
            self.log.unsent(asked)
            raise
        if batch.calls and not self.stopped:
            return True
        self.log.unsent(asked)
        return False

    async def _failed(self, batch: Batch, error: CallError, seconds: float) -> Failed | None:
        """Write down that an attempt has ended without an answer that can be used."""
        if isinstance(error, AnswerError):
            try:
                await self.log.spoiled(batch.asked, error)
            except DiskError as trouble:
                self.trouble(trouble)
                return None
        else:
            self.log.over(batch.asked, error)
        return Failed(error, seconds)


def _verdict(error: CallError) -> Verdict:
    """What a failed attempt says of the server's state."""
    if isinstance(error, AnswerError):
        return Verdict.OK
    if not isinstance(error, RefusedError | InDoubtError):
        return Verdict.NEUTRAL
    if error.status is None:
        return Verdict.LOST
    if isinstance(error, InDoubtError):
        return Verdict.FAILED
    if error.status == 429:
        return Verdict.REFUSED
    return Verdict.OVERLOADED if error.status in _OVERLOADED else Verdict.NEUTRAL
