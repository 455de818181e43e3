"""A request, its answer as far as it has arrived, and the deadline of both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from ..vocabulary.errors import AnswerError, CallError, FlowrunError
from ..vocabulary.receipt import Receipt
from ..vocabulary.usage import Rates
from .allowance import MemoryPool
from .endpoints import HttpEndpoint
from .failures import KEPT, failure, read_answer, spoiled, unforeseen
from .rate_headers import read_rates
from .streams import Stream

ANSWER_CAP = 32 * 1024 * 1024
ERROR_CAP = 1024 * 1024
# Rounds of the loop between the deadline and the cancel: an answer that arrived with the deadline, or while the loop
# was busy, is paid and already here, and these are what it needs to be read.
_GRACE = 4

_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")

# The memory for all bodies that this process reads, beyond the first MiB of each.
_BODIES = MemoryPool(2 * ANSWER_CAP)


class Deadlines:
    """The deadlines of requests. One timer serves all of them, because most requests have the same time left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[Exchange, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, turn: Exchange, deadline: float) -> None:
        self._due[turn] = deadline
        if self._timer is None or deadline < self._timer.when():
            self._arm(deadline)

    def leave(self, turn: Exchange) -> None:
        turn.over = True
        self._due.pop(turn, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, deadline: float) -> None:
        self.close()
        self._timer = self._loop.call_at(deadline, self._rung, deadline)

    def _rung(self, deadline: float) -> None:
        self._timer = None
        for turn in [turn for turn, due in self._due.items() if due <= deadline]:
            del self._due[turn]
            self._expire(turn, _GRACE)
        if self._due:
            self._arm(min(self._due.values()))

    def _expire(self, turn: Exchange, rounds: int) -> None:
        if turn.over:
            return
        if rounds:
            self._loop.call_soon(self._expire, turn, rounds - 1)
        else:
            turn.expired = True
            turn.task.cancel()


class Exchange:
    """The state of one request and its answer, in the task that sends it.

    ``sent`` says whether the request went out: if not, the server cannot have taken it. ``status`` is 0 until the head
    of the answer has come. ``expired`` says that the deadline has cancelled the task. ``cancelling`` is the number of
    earlier requests to cancel the task.
    """

    __slots__ = (
        *("cancelling", "expired", "headers", "lease", "over", "raw", "sent", "size", "status", "stream", "task"),
        "whole",
    )

    def __init__(self, stream: Stream | None, task: asyncio.Task[Any]) -> None:
        self.stream = stream
        self.task = task
        self.cancelling = task.cancelling()
        self.expired = False
        self.sent = False
        self.status = 0
        self.headers: Mapping[str, str] = {}
        # There is one buffer, because parts that are joined at the end would be in memory twice.
        self.raw = bytearray()
        self.lease = _BODIES.lease()
        self.size = 0
        self.whole = False
        self.over = False

    @property
    def streamed(self) -> Stream | None:
        """The reader of the body, if the body is a stream of events."""
        if self.stream is None or not self.status or self.status >= 300:
            return None
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.stream if kind == self.stream.media else None

    @property
    def request_id(self) -> str:
        """The server's id for the request, "" if the headers have none.

        OpenAI's header is ``x-request-id`` ("Debugging requests"), Anthropic's is ``request-id`` ("Errors"), that of
        AWS is ``x-amzn-requestid``, and that of Azure's gateways is ``apim-request-id``.
        """
        for name in _IDS:
            if found := self.headers.get(name):
                return found
        return ""

    def judged(self, endpoint: HttpEndpoint) -> tuple[dict[str, Any], Rates | None, str]:
        try:
            return *self._judge(endpoint), self.request_id
        except AnswerError as error:
            error.receipt = self._receipt(endpoint)
            raise
        except FlowrunError:
            raise
        except Exception as mistake:  # noqa: BLE001 (whatever came, this call fails by it, and no other)
            unread = unforeseen(endpoint, mistake)
        unusable = spoiled(endpoint, unread, self.beginning())
        unusable.receipt = self._receipt(endpoint)
        raise unusable

    def _receipt(self, endpoint: HttpEndpoint) -> Receipt | None:
        """Return the receipt of a paid answer that cannot be read: all that is known is the id of the request."""
        found = endpoint.name(self.request_id)
        return Receipt(id=found) if found else None

    def _judge(self, endpoint: HttpEndpoint) -> tuple[dict[str, Any], Rates | None]:
        status, headers = self.status, self.headers
        stream = self.streamed
        if stream is not None and stream.error:
            error = failure(endpoint, status, headers, json.dumps(stream.error).encode())
            # The answer had begun, so it may be billed whatever the event says.
            error.doubtful = True
            raise error
        if not 200 <= status < 300:
            raise self.failure(endpoint)
        rates = read_rates(headers)
        if self.size > ANSWER_CAP or not self.whole:
            message = f"{endpoint.model}: the answer is larger than {ANSWER_CAP >> 20} MiB"
            raise spoiled(endpoint, message, self.beginning(), rates=rates)
        if stream is None:
            return read_answer(endpoint, status, headers, self.raw), rates
        if stream.problem:
            raise spoiled(endpoint, f"{endpoint.model}: {stream.problem}", stream.text(), rates=rates)
        return stream.whole(), rates

    def failure(self, endpoint: HttpEndpoint) -> CallError:
        """Return the error for an answer whose status is no success, from as much of the body as has come."""
        return failure(endpoint, self.status, self.headers, self.raw)

    def beginning(self) -> str:
        """Return the beginning of the body, twice as long as the part that is kept, so that no key is cut in two."""
        if self.streamed is not None:
            return self.streamed.text()
        return self.raw[: 2 * KEPT].decode("utf-8", "replace")
