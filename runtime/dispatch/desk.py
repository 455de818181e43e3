"""The desk: questions to people. They wait beside the requests to models, and take no place of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from ..engine.ceilings import ceiling_of
from ..engine.decisions import Call
from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError, FlowrunError, PermanentError
from ..vocabulary.question import AskPerson, LeftOpenError, OpenQuestionsError, Question, unanswered
from ..vocabulary.request_events import Bill
from ..vocabulary.usage import Usage
from .attempt_events import Publish
from .ledger import NoLog
from .listener import Listener

_FREE = Usage(0, 0)


class Desk:
    """The questions of one run to people. ``ask`` puts a question to a person; None leaves all questions open.

    ``left`` is called when a question is left open, or when the last question has its answer.
    """

    def __init__(
        self, ask: AskPerson | None, publish: Publish, log: NoLog, listener: Listener, left: Callable[[], None]
    ) -> None:
        self.ask = ask
        self._publish = publish
        self._log = log
        self._listener = listener
        self._left = left
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._open: dict[int, Question] = {}
        self._withdrawn: set[int] = set()
        self._count = 0
        self._stopped = False

    @property
    def asking(self) -> bool:
        """True while a person is asked."""
        return bool(self._asking)

    @property
    def open(self) -> OpenQuestionsError | None:
        """The questions that nobody answers in this run; None if there are none."""
        return OpenQuestionsError(tuple(self._open.values())) if self._open else None

    def launch(self, call: Call) -> None:
        if self._stopped or call.question is None:
            return
        if self.ask is None:
            self._open[call.number] = call.question
            self._left()
            return
        self._count -= 1
        task = asyncio.get_running_loop().create_task(self._put(self.ask, call, call.question, self._count))
        self._asking[call.number] = task
        task.add_done_callback(partial(self._over, call))

    def cancel(self, number: int) -> bool:
        """Withdraw a question. Return False if there is none of this number."""
        task = self._asking.get(number)
        if task is not None:
            self._withdrawn.add(number)
            task.cancel()
        return task is not None or self._open.pop(number, None) is not None

    def stop(self) -> None:
        """Ask nobody any more."""
        self._stopped = True
        for task in self._asking.values():
            task.cancel()

    async def close(self) -> None:
        self.stop()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _put(self, ask: AskPerson, call: Call, question: Question, number: int) -> None:
        loop, clock = asyncio.get_running_loop(), self._log.clock
        began, each = loop.time(), ceiling_of(call.request, call.model)
        self._publish(e.RequestStarted(number, call.path, call.model, 1, each, (call,), at=clock.since_begin(began)))
        limit = call.request.timeout
        try:
            async with asyncio.timeout(limit or None):
                text = await ask(question)
        except TimeoutError:
            self._failed(call, number, unanswered(limit), loop.time() - began)
            return
        except asyncio.CancelledError:
            if call.number in self._withdrawn:
                self._publish(e.RequestCancelled(number, call.path, 1, (call,), at=clock.now()))
            raise
        except LeftOpenError:
            self._publish(e.RequestCancelled(number, call.path, 1, (call,), True, at=clock.now()))
            self._open[call.number] = question
            return
        except FlowrunError as error:
            failed = error if isinstance(error, CallError) else PermanentError(str(error))
            self._failed(call, number, failed, loop.time() - began)
            return
        await self._answered(call, number, text, began)

    async def _answered(self, call: Call, number: int, text: str, began: float) -> None:
        """Use the answer of a person when it is on the disk."""
        loop, answer = asyncio.get_running_loop(), Answer(text)
        try:
            await asyncio.shield(asyncio.ensure_future(self._log.told(call, answer, began)))
        except DiskError as error:
            self._listener.trouble(error)
            return
        seconds, now = loop.time() - began, self._log.clock.now()
        bill = Bill(_FREE)
        self._publish(
            e.RequestFinished(
                number, call.path, call.model, 1, seconds, 0, 0, 1, False, (call,), (answer,), bill, at=now
            )
        )
        self._listener.answered(call, answer, _FREE)

    def _failed(self, call: Call, number: int, error: CallError, seconds: float) -> None:
        self._log.failed([call], error)
        now = self._log.clock.now()
        self._publish(e.AttemptFailed(number, 1, "refused", error=error, at=now))
        self._publish(e.RequestFailed(number, call.path, call.model, 1, seconds, str(error), (call,), error, at=now))
        self._listener.failed(call, error)

    def _over(self, call: Call, task: asyncio.Task[None]) -> None:
        self._asking.pop(call.number, None)
        self._withdrawn.discard(call.number)
        if not task.cancelled() and (mistake := task.exception()) is not None:
            self._listener.mistake(mistake)
        self._left()
