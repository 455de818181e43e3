"""JSON POST requests over aiohttp, with limits on time and size. Every failure becomes one of the promised errors."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from typing import Any

import aiohttp

from ..vocabulary.usage import Rates
from .allowance import STEP
from .endpoints import HttpEndpoint
from .silence import Silence
from .streams import Stream
from .turns import ANSWER_CAP, ERROR_CAP, Deadlines, Exchange
from .wire_failures import wire_failure

# Requests that may be on the way to a connection at once, for one address: thousands at once stop the loop for seconds.
OPENING = 128
# Only the deadline of the attempt ends a request. aiohttp's own limits would end some phases too early.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, HttpClient] = weakref.WeakKeyDictionary()


class HttpClient:
    """The connections of one event loop. Every provider that runs on the loop shares them.

    ``join`` adds a user and ``leave`` removes it. The session opens with the first request and closes when the last
    user leaves. It keeps no cookies and follows no redirects, and a key is sent only with its own request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._session: aiohttp.ClientSession | None = None
        self._users = 0
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._silences: dict[str, Silence] = {}
        self._deadlines = Deadlines(loop)

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

    def silence(self, endpoint: HttpEndpoint) -> Silence:
        """Return the record of whether this endpoint names reasons for the ends of its answers."""
        found = self._silences.get(endpoint.base_url)
        if found is None:
            found = self._silences[endpoint.base_url] = Silence()
        return found

    async def post(
        self,
        endpoint: HttpEndpoint,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
        idempotency_key: str = "",
        stream: Stream | None = None,
    ) -> tuple[dict[str, Any], Rates | None]:
        """Send ``body`` to the endpoint's ``path``. Return the JSON object of the answer and the rates in its headers.

        ``deadline`` is a time of the running event loop; it limits connecting, sending, headers and body together.
        ``stream`` reads an answer that comes in events; a server may still send the answer whole.

        Raises: RefusedError, InDoubtError, PermanentError, AnswerError.
        """
        task = asyncio.current_task()
        assert task is not None
        turn = Exchange(body, stream, task)
        seconds = deadline - self._loop.time()
        try:
            problem = await self._sent(endpoint, path, turn, deadline, idempotency_key)
            # Raised out here, so that aiohttp's error, which holds the request's headers, is not chained to ours.
            if problem is None or turn.whole:
                return turn.judged(endpoint)
            if turn.response is not None and turn.response.status != 200:
                # The status tells more than the lost body.
                raise turn.failure(endpoint)
            raise wire_failure(endpoint, problem, sent=turn.body.sent, seconds=max(0.0, seconds))
        finally:
            turn.raw.clear()
            turn.lease.end()

    async def _sent(
        self, endpoint: HttpEndpoint, path: str, turn: Exchange, deadline: float, idempotency_key: str
    ) -> Exception | None:
        """Send the request and read the answer. Return the failure of the connection, or None if there was none."""
        if deadline <= self._loop.time():
            return TimeoutError()
        task = turn.task
        problem: Exception | None = None
        self._deadlines.enter(turn, deadline)
        try:
            await self._exchange(endpoint, path, turn, idempotency_key)
        except asyncio.CancelledError:
            # The deadline cancelled it, unless somebody else has cancelled it too.
            if not turn.expired or task.uncancel() > turn.cancelling:
                raise
            turn.expired = False
            problem = TimeoutError()
        except Exception as error:  # noqa: BLE001 (an address, a header or a body may upset any library below)
            problem = error
        finally:
            self._deadlines.leave(turn)
            turn.body.leave()
            if turn.expired:
                task.uncancel()
        return problem

    async def _exchange(self, endpoint: HttpEndpoint, path: str, turn: Exchange, idempotency_key: str) -> None:
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
                if turn.size > STEP:
                    await turn.lease.hold(turn.size)
                if stream is None:
                    turn.raw += chunk
                    continue
                stream.feed(chunk)
                if stream.enough or stream.problem:
                    response.close()
                if stream.done or stream.enough or stream.problem:
                    break
            if stream is not None:
                stream.end()
            turn.whole = True
