"""One JSON POST over aiohttp, bounded in time and size; every failure ends in one of the promised classes."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from ..errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError
from ..metering import Rates
from .endpoints import Endpoint
from .failures import KEPT, failure, read_answer
from .rate_headers import read_rates
from .streams import Stream
from .wire import encode

ANSWER_CAP = 32 * 1024 * 1024
ERROR_CAP = 1024 * 1024
# Requests that may be on the way to a connection at once, for one address: thousands at once stop the loop for seconds.
OPENING = 128
# The deadline of the attempt is the only clock: aiohttp's own would end some phases early and know less.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)
# Rounds of the loop between the deadline and the cancel: an answer that arrived with the deadline, or while the loop
# was busy, is paid and already here, and these are what it needs to be read.
_GRACE = 4

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, HttpClient] = weakref.WeakKeyDictionary()


class HttpClient:
    """The connections of one event loop, shared by every provider that runs on it.

    ``join`` counts a user in and ``leave`` counts it out; the session opens with the first request and closes with
    the last user. Cookies are not kept, redirects not followed, and a key travels with its own request only.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._session: aiohttp.ClientSession | None = None
        self._users = 0
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._deadlines = _Deadlines(loop)

    @classmethod
    def join(cls) -> HttpClient:
        loop = asyncio.get_running_loop()
        client = _clients.get(loop)
        if client is None:
            client = _clients[loop] = cls(loop)
        client._users += 1
        return client

    async def leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._deadlines.close()
        if self._users == 0 and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def post(
        self,
        endpoint: Endpoint,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
        idempotency_key: str = "",
        stream: Stream | None = None,
    ) -> tuple[dict[str, Any], Rates | None]:
        """Send ``body`` to the endpoint's ``path``: the JSON object that comes back, and the rates of its headers.

        ``deadline`` is a time of the running loop; it bounds connecting, sending, headers and body together.
        ``stream`` takes an answer that comes in events; a server may send it at once all the same.

        Raises: RefusedError, InDoubtError, PermanentError, AnswerError.
        """
        task = asyncio.current_task()
        assert task is not None
        turn = _Turn(body, stream, task)
        seconds = deadline - self._loop.time()
        problem: Exception | None = None if seconds > 0 else TimeoutError()
        if problem is None:
            self._deadlines.enter(turn, deadline)
            try:
                await self._exchange(endpoint, path, turn, idempotency_key)
            except asyncio.CancelledError:
                # Its time is over, unless somebody else has cancelled it too.
                if not turn.expired or task.uncancel() > turn.cancelling:
                    raise
                turn.expired = False
                problem = TimeoutError()
            except (aiohttp.ClientError, OSError) as error:
                problem = error
            finally:
                self._deadlines.leave(turn)
                turn.body.leave()
                if turn.expired:
                    task.uncancel()
        # Raised out here, so that aiohttp's error, which holds the request's headers, is not chained to ours.
        if problem is not None and not turn.whole:
            raise _wire_failure(endpoint, turn, problem, max(0.0, seconds))
        return turn.judge(endpoint)

    async def _exchange(self, endpoint: Endpoint, path: str, turn: _Turn, idempotency_key: str) -> None:
        session = self._session
        if session is None:
            connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
            session = self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_NO_TIMEOUT
            )
        gate = self._gates.get(endpoint.base_url)
        if gate is None:
            gate = self._gates[endpoint.base_url] = asyncio.Semaphore(OPENING)
        await gate.acquire()
        turn.body.enter(gate)
        async with session.post(
            endpoint.base_url + path,
            data=turn.body,
            headers={**endpoint.headers, "Idempotency-Key": idempotency_key} if idempotency_key else endpoint.headers,
            allow_redirects=False,
            proxy=endpoint.proxy,
        ) as response:
            turn.response = response
            cap = ANSWER_CAP if response.status < 300 else ERROR_CAP
            stream = turn.streamed
            while chunk := await response.content.readany():
                turn.size += len(chunk)
                if turn.size > cap:
                    response.close()
                    return
                if stream is None:
                    turn.chunks.append(chunk)
                    continue
                stream.feed(chunk)
                if stream.enough or stream.problem:
                    response.close()
                if stream.done or stream.enough or stream.problem:
                    break
            turn.whole = True


class _Body(aiohttp.Payload):
    """JSON bytes that know whether they went out: an attempt that ends before was not taken by the server.

    Until they go out they hold a place among those that connect; ``leave`` gives it back, once.
    """

    sent = False
    _gate: asyncio.Semaphore | None = None

    def __init__(self, value: bytes) -> None:
        super().__init__(value, content_type="application/json")
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self.sent = True
        self.leave()
        await writer.write(self._value)

    def enter(self, gate: asyncio.Semaphore) -> None:
        self._gate = gate

    def leave(self) -> None:
        if self._gate is not None:
            gate, self._gate = self._gate, None
            gate.release()

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


class _Deadlines:
    """The times by which requests must be over: one timer for all of them, for most have the same time to go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[_Turn, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, turn: _Turn, deadline: float) -> None:
        self._due[turn] = deadline
        if self._timer is None or deadline < self._timer.when():
            self._arm(deadline)

    def leave(self, turn: _Turn) -> None:
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

    def _expire(self, turn: _Turn, rounds: int) -> None:
        if turn.over:
            return
        if rounds:
            self._loop.call_soon(self._expire, turn, rounds - 1)
        else:
            turn.expired = True
            turn.task.cancel()


class _Turn:
    """How far one request and its answer have come, in this task; ``expired``: it was cancelled for its time is over.

    ``cancelling`` is how often the task had been cancelled before.
    """

    __slots__ = ("body", "cancelling", "chunks", "expired", "over", "response", "size", "stream", "task", "whole")

    def __init__(self, body: Mapping[str, Any], stream: Stream | None, task: asyncio.Task[Any]) -> None:
        self.stream = stream
        self.task = task
        self.cancelling = task.cancelling()
        self.expired = False
        self.body = _Body(encode(body))
        self.response: aiohttp.ClientResponse | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        self.whole = False
        self.over = False

    @property
    def streamed(self) -> Stream | None:
        """What takes the body, if it is one of events."""
        if self.stream is None or self.response is None or self.response.status >= 300:
            return None
        kind = self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.stream if kind == "text/event-stream" else None

    def judge(self, endpoint: Endpoint) -> tuple[dict[str, Any], Rates | None]:
        assert self.response is not None
        # What sends the key back must not bring it into an answer, and so into the journal.
        raw = endpoint.redacted(b"".join(self.chunks))
        status, headers = self.response.status, self.response.headers
        stream = self.streamed
        if stream is not None:
            raw = endpoint.redacted(json.dumps(stream.error or stream.whole()).encode())
            if self.whole and not stream.problem and not stream.error:
                return json.loads(raw), read_rates(headers)
            if stream.error:
                error = failure(endpoint, status, headers, raw)
                # The answer had begun: whatever the event says, it may be billed.
                error.doubtful = True
                raise error
            if stream.problem:
                text = endpoint.redact(stream.text()[:KEPT])
                raise AnswerError(f"{endpoint.model}: {stream.problem}", text=text, rates=read_rates(headers))
        if self.whole and self.size <= ANSWER_CAP:
            return read_answer(endpoint, status, headers, raw), read_rates(headers)
        if 200 <= status < 300:
            text = endpoint.redact(raw[:KEPT].decode("utf-8", "replace"))
            raise AnswerError(
                f"{endpoint.model}: the answer is larger than {ANSWER_CAP >> 20} MiB",
                text=text,
                rates=read_rates(headers),
            )
        raise failure(endpoint, status, headers, raw)


def _wire_failure(endpoint: Endpoint, turn: _Turn, problem: Exception, seconds: float) -> CallError:
    """The class of a failure below HTTP: what counts is whether the request had gone out."""
    where = f"{endpoint.model}: {endpoint.host}"
    if turn.response is not None and turn.response.status != 200:
        # The status says more than a lost body.
        return failure(endpoint, turn.response.status, turn.response.headers, b"".join(turn.chunks))
    if isinstance(problem, TimeoutError):
        if turn.body.sent:
            return InDoubtError(f"{where} gave no complete answer within {seconds:.3g} s; it may have been paid")
        return RefusedError(f"{where} could not be reached within {seconds:.3g} s")
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return PermanentError(f"{where} shows a certificate that is not trusted here")
    if isinstance(problem, aiohttp.InvalidURL):
        return PermanentError(f"{where}: the base URL is not an address")
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        kind = PermanentError if problem.status == 407 else RefusedError
        return kind(f"{where}: the proxy answered {problem.status}", status=problem.status)
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return RefusedError(f"{where}: no address is known for this host")
    if isinstance(problem, aiohttp.ClientConnectorError):
        why = problem.os_error.strerror or type(problem.os_error).__name__
        return RefusedError(f"{where} does not take connections ({endpoint.quote(why)})")
    if not turn.body.sent:
        return RefusedError(f"{where} closed the connection before the request was sent")
    return InDoubtError(f"{where} broke the connection off before the answer was complete; it may have been paid")
