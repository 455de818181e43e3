"""The attempts at requests. An attempt is sent, its end is written to the journal, and then its result is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from flowrun.dsl import dataclass

from ..engine.ceilings import believable, told_ceiling
from ..engine.decisions import Call
from ..engine.doubts import credible
from ..journal.records import FEWER_ANSWERS
from ..limits import Verdict, verdict_of
from ..providers.protocol import drop_faults, fault_of
from ..vocabulary import events as e
from ..vocabulary.account import Ceiling
from ..vocabulary.call import Reply, Request
from ..vocabulary.errors import (
    AnswerError,
    CallError,
    DiskError,
    FlowrunError,
    InDoubtError,
    PermanentError,
    mistake_in,
)
from ..vocabulary.usage import NO_USAGE, Usage
from ..vocabulary.waits import Cause
from .attempt_events import AttemptEvents, Publish
from .batch import Batch
from .endpoint import Endpoint
from .ledger import NoLog
from .listener import Listener
from .request_waits import told, with_budget

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class AnsweredAttempt:
    """An attempt with a reply: its seconds, and each answer's part of the bill.

    ``usage`` is the whole bill. ``doubtful`` is True if some answers are missing and may have been paid. ``written``
    has a result, or a DiskError, when they are on the disk; it is None without a journal.
    """

    reply: Reply
    usage: Usage
    parts: Sequence[Usage]
    seconds: float
    doubtful: bool
    written: asyncio.Future[Any] | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt without a usable answer, and its seconds. It is ``final`` if it was never sent."""

    error: CallError
    seconds: float = 0.0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An attempt that was not sent, because the server refused others while it was written to the journal."""


class Attempts:
    """The sender of attempts.

    ``left`` is called when a request is sent, and ``begun`` when an answer begins to arrive. ``marked`` returns
    the request of a batch as it is sent.
    """

    def __init__(
        self,
        publish: Publish,
        log: NoLog,
        listener: Listener,
        left: Callable[[Batch], None],
        begun: Callable[[Batch], None],
        marked: Callable[[Batch], Request],
    ) -> None:
        self.publish = publish
        self.events = AttemptEvents(publish, log.clock)
        self.log = log
        self.listener = listener
        self.left = left
        self.begun = begun
        self.marked = marked
        self.stopped = False

    async def make(self, batch: Batch) -> AnsweredAttempt | FailedAttempt | Withdrawn | None:
        """Make an attempt. Return None if it was not sent after all, or if it could not be written to the journal."""
        loop = asyncio.get_running_loop()
        endpoint, out = batch.endpoint, batch.out
        provider = endpoint.provider
        if not endpoint.up and (failure := await self._start(endpoint)) is not None:
            return FailedAttempt(failure, final=True)
        asked = tuple(batch.calls)
        if not asked:
            return None
        each = told_ceiling(asked[0])
        waited = told(batch.waits)
        if not await self._intend(batch, asked, each, waited):
            return None
        if endpoint.limiter.withdraws(out.place):
            self.log.unsent(asked)
            # The first request of a twin continues.
            return Withdrawn() if batch.twin_of is None else None
        count = len(asked)
        out.left, out.began = True, loop.time()
        self._started(batch, each, waited, out.began)
        try:
            reply = await _theirs(provider.complete(self._heard(batch), count, batch.key))
            if fault := fault_of(reply):
                raise InDoubtError(f"{provider.model}: its provider failed ({fault}); it may have been paid")
        except FlowrunError as error:
            failed = error if isinstance(error, CallError) else PermanentError(str(error))
            # The error is kept until the end of the run. Its traceback would also keep the whole reply in memory.
            failed.__traceback__ = failed.__context__ = None
            out.verdict = verdict_of(failed)
            return await self._failed(batch, failed)
        except Exception as mistake:  # noqa: BLE001 (a provider may be anybody's, and what it reads too)
            said = f"{provider.model}: its provider failed ({mistake_in(mistake)})"
            failed = InDoubtError(f"{said}; it may have been paid")
            out.verdict = verdict_of(failed)
            return await self._failed(batch, failed)
        except asyncio.CancelledError:
            # A request that is still wanted gets no end in the journal, so a resumed run says that it may be paid.
            wanted = bool(batch.calls) or out.kept
            if not wanted:
                # A line that was not submitted is surely not paid.
                withdrawn = getattr(provider, "withdrawn", None)
                unpaid = None if withdrawn is None else withdrawn(batch.key)
                self.log.over(asked, unpaid, out.began)
                if unpaid is not None:
                    self.events.attempt_failed(batch, unpaid)
            self.events.cancelled(batch, wanted=wanted)
            raise
        usage = credible(reply.usage, asked[0].request, [one.text for one in reply.answers], count)
        out.verdict, out.detail = Verdict.OK, usage.detail
        if usage.input_tokens is not None and usage.output_tokens is not None:
            out.used = usage.input_tokens + usage.output_tokens
        if not reply.answers:
            return await self._failed(batch, AnswerError("the reply has no answer", usage=usage))
        return self._came(batch, reply, usage, out.began)

    def _started(self, batch: Batch, each: Ceiling, waited: Mapping[Cause, int], began: float) -> None:
        asked = batch.asked
        if asked[0].withheld or len(asked) > 1:
            waited = with_budget(waited, max(call.withheld for call in asked))
            for call in asked:
                call.withheld = 0.0
        self.events.started(batch, each, waited, began)
        self.left(batch)

    async def _start(self, endpoint: Endpoint) -> CallError | None:
        """Start a provider before its first request. Return the error if it does not start."""
        loop, model = asyncio.get_running_loop(), endpoint.provider.model
        began = loop.time()
        try:
            loaded = await _theirs(endpoint.ready())
        except FlowrunError as error:
            # If a provider does not start, no request to it can succeed.
            return error if isinstance(error, CallError) else PermanentError(str(error))
        except Exception as mistake:  # noqa: BLE001 (a provider may be anybody's)
            if isinstance(mistake, ModuleNotFoundError) and mistake.name == "aiohttp":
                return PermanentError(f"{model}: only the checker is installed here: pip install flowrun-dsl")
            return PermanentError(f"{model}: its provider did not start ({mistake_in(mistake)})")
        if loaded:
            self.publish(e.ModelReady(model, loop.time() - began, at=self.log.clock.now()))
        return None

    def _came(self, batch: Batch, reply: Reply, usage: Usage, began: float) -> AnsweredAttempt:
        """Give the answers of a reply to the journal. They may not be used before they are ``written``."""
        asked, count = batch.asked, len(batch.asked)
        seconds = asyncio.get_running_loop().time() - began
        answers = min(count, len(reply.answers))
        doubtful = answers < count and self._rest(asked[answers:], usage, answers, began)
        log = self.log
        on_disk = None
        if log.keeps:
            on_disk = asyncio.ensure_future(log.answered(asked, reply.answers, usage, began, reply.receipt))
        return AnsweredAttempt(reply, usage, usage.parts(answers), seconds, doubtful, on_disk)

    def _rest(self, calls: tuple[Call, ...], usage: Usage, answers: int, began: float) -> bool:
        """Write the end of calls that got no answer, although other calls of the same request did.

        Return True if they may have been paid. They were not paid if the bill is plausible for the answers that came.
        """
        if usage.known and believable(usage, calls[0].request, answers) == usage:
            self.log.unanswered(calls, began)
            return False
        self.log.over(calls, InDoubtError(FEWER_ANSWERS), began)
        return True

    def _heard(self, batch: Batch) -> Request:
        """Return the request of a batch. If it streams, it reports how many characters of its answer have arrived."""
        request, shown = self.marked(batch), batch.asked[0].request.stream
        if not request.stream:
            return request

        def hear(characters: int) -> None:
            if shown and characters:
                self.events.grew(batch, characters)
            self.begun(batch)

        return replace(request, hear=hear)

    async def _intend(self, batch: Batch, asked: tuple[Call, ...], each: Ceiling, waited: Mapping[Cause, int]) -> bool:
        """Write to the journal that a request is about to be sent. Return True if it may still be sent.

        An answer that reached the disk together with this record may decide that the request is not needed.
        """
        try:
            if asked != batch.asked:
                # The same key must always mean the same request.
                batch.asked, batch.key = asked, self.log.request_key(asked)
            for call in asked:
                call.ceiling = each
            await self.log.intend(asked, batch.key, waited)
            if self.log.keeps and self.listener.behind:
                await asyncio.sleep(0)
        except DiskError as error:
            self.listener.trouble(error)
            return False
        except asyncio.CancelledError:
            self.log.unsent(asked)
            raise
        if batch.calls and not self.stopped:
            return True
        self.log.unsent(asked)
        return False

    async def _failed(self, batch: Batch, error: CallError) -> FailedAttempt | None:
        """Publish the failure of an attempt. A reply without a usable answer is paid, so it is on the disk before."""
        asked, began = batch.asked, batch.out.began
        seconds = asyncio.get_running_loop().time() - began
        if isinstance(error, AnswerError):
            drop_faults(error)
            error.usage = believable(error.usage or NO_USAGE, asked[0].request, len(asked))
            try:
                await self.log.spoiled(asked, error, began)
            except DiskError as trouble:
                self.events.attempt_failed(batch, error)
                self.events.cancelled(batch)
                self.listener.trouble(trouble)
                return None
            except asyncio.CancelledError:
                self.events.attempt_failed(batch, error)
                self.events.cancelled(batch)
                raise
        self.events.attempt_failed(batch, error)
        return FailedAttempt(error, seconds)

    # The end of a failed attempt, when it is known whether the request is sent again

    def retried(self, batch: Batch, error: CallError, wait: float) -> None:
        """Record that a request failed, and is sent again after ``wait`` seconds."""
        self._note_end(batch, error)
        self.events.retried(batch, error, wait)

    def gave_up(self, batch: Batch, error: CallError, failure: CallError, seconds: float) -> None:
        """Record that the last attempt at a request failed, and with it the calls of the request."""
        self._note_end(batch, error, failure)
        self.events.failed(batch, failure, seconds)

    def twin_failed(self, batch: Batch, error: CallError) -> None:
        """Record that the second request of two side by side failed. The first one continues."""
        self._note_end(batch, error)
        self.events.cancelled(batch)

    def _note_end(self, batch: Batch, error: CallError, failure: CallError | None = None) -> None:
        if not isinstance(error, AnswerError):
            self.log.over(batch.asked, error, batch.out.began, failure=failure)


async def _theirs(work: Awaitable[T]) -> T:
    """Await a provider's work. Raise RuntimeError if it cancels itself: only a cancelled attempt ends as cancelled."""
    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("it was cancelled by itself") from error
