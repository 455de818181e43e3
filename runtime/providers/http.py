"""JSON POST requests over aiohttp, with limits on time and size. Every failure becomes one of the promised errors.

aiohttp opens the connections and reads the answers. The requests are written here: their heads are the same but for two
lines, and `ClientSession` would make each of them anew, in a task of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import weakref
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

from ..vocabulary.errors import CallError
from ..vocabulary.usage import Rates
from .allowance import STEP
from .connections import Connections, has_spoken
from .descriptors import Descriptors
from .endpoints import HttpEndpoint
from .silence import Silence
from .streams import Stream
from .targets import Target
from .turns import ANSWER_CAP, ERROR_CAP, Deadlines, Exchange
from .wire import encode
from .wire_failures import NoHttpError, wire_failure

# Connections to one address that are opened at once in the beginning; more follow while each is as quick as the first.
OPENING = 16
# A body below this size goes out with its head, in one piece.
_ONE_PIECE = 64 * 1024

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, HttpClient] = weakref.WeakKeyDictionary()


class HttpClient:
    """The connections of one event loop. Every provider that runs on the loop shares them.

    ``join`` adds a user, and ``leave`` removes it, with its endpoint if it has one. All connections are closed when the
    last user leaves. The client keeps no cookies and follows no redirects, and a key is sent only with its own request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.time = loop.time
        self._connector: aiohttp.TCPConnector | None = None
        self._users = 0
        self._connections: dict[object, Connections] = {}
        self._targets: dict[tuple[int, str], Target] = {}
        self._silences: dict[str, Silence] = {}
        self._deadlines = Deadlines(loop)
        self.descriptors = Descriptors(loop, self._connections)

    @classmethod
    def join(cls) -> HttpClient:
        loop = asyncio.get_running_loop()
        client = _clients.get(loop)
        if client is None:
            client = _clients[loop] = cls(loop)
        client._users += 1
        return client

    async def leave(self, endpoint: HttpEndpoint | None = None) -> None:
        for target in [one for one in self._targets if one[0] == id(endpoint)]:
            del self._targets[target]
        self._users -= 1
        if self._users:
            return
        self._deadlines.close()
        self.descriptors.close()
        connections = list(self._connections.values())
        connector, self._connector = self._connector, None
        self._connections.clear()
        self._targets.clear()
        for one in connections:
            await one.close()
        if connector is not None:
            await connector.close()

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
    ) -> tuple[dict[str, Any], Rates | None, str]:
        """Send ``body`` to the endpoint's ``path``. Return the JSON object of the answer.

        Return with it what the headers tell: the rates, and the server's id for the request.

        ``deadline`` is a time of the running event loop; it limits connecting, sending, headers and body together.
        ``stream`` reads an answer that comes in events; a server may still send the answer whole.

        Raises: RefusedError, InDoubtError, PermanentError, AnswerError.
        """
        task = asyncio.current_task()
        assert task is not None
        turn = Exchange(stream, task)
        seconds = deadline - self._loop.time()
        try:
            if seconds <= 0:
                raise wire_failure(endpoint, TimeoutError(), sent=False, seconds=0.0)
            problem = await self._sent(endpoint, path, encode(body), turn, deadline, idempotency_key)
            # Raised out here, so that aiohttp's error, which holds the request's headers, is not chained to ours.
            if problem is None or turn.whole:
                return turn.judged(endpoint)
            if turn.status not in (0, 200):
                # The status tells more than the lost body.
                raise turn.failure(endpoint)
            raise wire_failure(endpoint, problem, sent=turn.sent, seconds=max(0.0, seconds))
        finally:
            turn.raw.clear()
            turn.lease.end()

    async def _sent(
        self, endpoint: HttpEndpoint, path: str, body: bytes, turn: Exchange, deadline: float, idempotency_key: str
    ) -> Exception | None:
        """Send the request and read the answer. Return the failure of the connection, or None if there was none."""
        task = turn.task
        problem: Exception | None = None
        self._deadlines.enter(turn, deadline)
        try:
            target = self._targets.get((id(endpoint), path)) or self._target(endpoint, path)
            connection = await target.connections.take()
            traffic = endpoint.traffic
            traffic.on_wire += 1
            traffic.round_trip = target.connections.round_trip
            try:
                signer = endpoint.signer
                signed = None if signer is None else await signer.headers(target.url, body)
                self._write(connection, target.head(len(body), idempotency_key, signed), body, turn)
                await _read(connection, turn)
            finally:
                traffic.on_wire -= 1
                if turn.whole and _reusable(connection):
                    target.connections.give_back(connection)
                else:
                    connection.close()
        except asyncio.CancelledError:
            # The deadline cancelled it, unless somebody else has cancelled it too.
            if not turn.expired or task.uncancel() > turn.cancelling:
                raise
            turn.expired = False
            lack = self.descriptors.lack and not turn.sent
            problem = OSError(errno.EMFILE, os.strerror(errno.EMFILE)) if lack else TimeoutError()
        except CallError:
            # The request could not be signed.
            raise
        except Exception as error:  # noqa: BLE001 (an address, a header or a body may upset any library below)
            problem = error
        finally:
            self._deadlines.leave(turn)
            if turn.expired:
                task.uncancel()
        return problem

    def _target(self, endpoint: HttpEndpoint, path: str) -> Target:
        target = self._targets[id(endpoint), path] = Target(endpoint, path, self._loop, self._connections_of)
        return target

    def _connections_of(self, route: aiohttp.ClientRequest) -> Connections:
        """Return the connections to the host of a request, which may go to several endpoints there."""
        if self._connector is None:
            self._connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
        found = self._connections.get(route.connection_key)
        if found is None:
            found = Connections(self._connector, route, OPENING, self.descriptors)
            self._connections[route.connection_key] = found
        return found

    def _write(self, connection: Connection, head: bytes, body: bytes, turn: Exchange) -> None:
        protocol = connection.protocol
        assert protocol is not None
        transport = protocol.transport
        if transport is None or has_spoken(connection):
            raise aiohttp.ClientConnectionResetError("the connection was lost")
        protocol.set_response_params(read_until_eof=True)
        turn.sent = True
        if len(body) < _ONE_PIECE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)


async def _read(connection: Connection, turn: Exchange) -> None:
    """Read the answer to its end, or as far as it is needed."""
    protocol = connection.protocol
    assert protocol is not None
    try:
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            # An interim answer (RFC 9110, 15.2); after 101 the connection speaks another protocol.
            message, content = await protocol.read()
    except HttpProcessingError as error:
        raise NoHttpError(error.message) from None
    turn.status, turn.headers = message.code, message.headers
    cap = ANSWER_CAP if message.code < 300 else ERROR_CAP
    stream = turn.streamed
    # The end of a short answer has come with its head. Then nothing is waited for.
    while chunk := content.read_nowait() if content.is_eof() else await content.readany():
        turn.size += len(chunk)
        if turn.size > cap:
            return
        if turn.size > STEP:
            await turn.lease.hold(turn.size)
        if stream is None:
            turn.raw += chunk
            if content.at_eof() and content.exception() is None:
                break
            continue
        stream.feed(chunk)
        if stream.enough or stream.problem:
            connection.close()
        if stream.done or stream.enough or stream.problem:
            break
    if stream is not None:
        stream.end()
    turn.whole = True


def _reusable(connection: Connection) -> bool:
    """Tell whether a connection is without traffic: the answer was read to its end, and the request had gone out."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close or transport.is_closing():
        return False
    return transport.get_write_buffer_size() == 0
