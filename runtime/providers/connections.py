"""The open connections to one address: reused, and opened a few at a time.

A request takes a free connection. If none is free, it waits for the first of two: a connection that another request
gives back, or one that is being opened. Only a few are being opened at a time. Thousands at once would keep the loop
from reading the first answers, and a server whose queue of new connections is short would drop most of them. More are
opened at once while that costs no time, as with a server that is far away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf

import aiohttp
from aiohttp.connector import Connection

from .descriptors import Descriptors, exhausted

IDLE = 15.0
"""The seconds that a free connection is kept. Most servers keep it longer."""
MOST_OPENING = 512
"""The most connections that are ever being opened at once."""
_SLOWER = 2.0
"""An opening that takes so many times as long as the quickest one waited for the others, not for the network."""
_PAUSE = 0.05
"""The seconds until the next attempt to connect when the machine has no descriptor left."""
# Only the deadline of an attempt ends it. aiohttp's own limits would end some phases too early.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)


def has_spoken(connection: Connection) -> bool:
    """Tell whether a connection without a request is closed, or has data that nobody asked for.

    The next request would take such data for its answer.
    """
    protocol = connection.protocol
    return protocol is None or connection.closed or protocol.should_close


class Connections:
    """The connections to one address. ``least`` of them may be opening at a time, and more while each is as quick.

    ``route`` is a request that says where the connections go, and through which proxy.
    """

    def __init__(
        self, connector: aiohttp.TCPConnector, route: aiohttp.ClientRequest, least: int, descriptors: Descriptors
    ) -> None:
        self.route = route
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._least = self._width = least
        self._quickest = inf
        self._descriptors = descriptors
        self._free: list[tuple[Connection, float]] = []
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: dict[asyncio.Task[None], None] = {}
        self._pause: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def round_trip(self) -> float | None:
        """The seconds of a message to the server and back, at the most. None if they are not known.

        The quickest opening tells them. It has one round trip for TCP, and one or more for TLS (RFC 8446). Without TLS,
        the opening of a connection to a proxy tells nothing of the server behind it.
        """
        tls = self.route.is_ssl()
        if self._quickest == inf or (self.route.proxy is not None and not tls):
            return None
        return self._quickest / 2 if tls else self._quickest

    async def take(self) -> Connection:
        """Return a connection. Its user gives it back or closes it."""
        while self._free:
            connection, since = self._free.pop()
            if not has_spoken(connection) and self._loop.time() - since <= IDLE:
                return connection
            connection.close()
        while True:
            connection = await self._wait()
            if not connection.closed:
                return connection
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """Hand a connection without traffic to the request that has waited longest, or keep it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        since = self._loop.time()
        self._free.append((connection, since))
        if since - self._free[0][1] > IDLE:
            self._free.pop(0)[0].close()

    def close_free(self) -> None:
        free, self._free = self._free, []
        for connection, _ in free:
            connection.close()

    async def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self.close_free()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)

    async def _wait(self) -> Connection:
        waiter: asyncio.Future[Connection] = self._loop.create_future()
        self._waiting.append(waiter)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.done() or waiter.cancelled():
                self._waiting.remove(waiter)
                self._open_fewer()
            elif waiter.exception() is None:
                self.give_back(waiter.result())
            raise

    def _open_more(self) -> None:
        while self._pause is None and len(self._opening) < min(self._width, len(self._waiting)):
            task = self._loop.create_task(self._open())
            self._opening[task] = None
            task.add_done_callback(self._opened)

    def _open_fewer(self) -> None:
        """Give up the attempt that has taken longest if there are more of them than requests that wait."""
        going = [task for task in self._opening if not task.cancelling()]
        if len(going) > len(self._waiting):
            going[0].cancel()

    async def _open(self) -> None:
        began = self._loop.time()
        try:
            connection = await self._connector.connect(self.route, [], _NO_TIMEOUT)
        except Exception as error:  # noqa: BLE001 (the request that waits for a connection tells what happened)
            self._fail(error)
        else:
            self._adapt(self._loop.time() - began)
            self.give_back(connection)

    def _adapt(self, seconds: float) -> None:
        """Open one more at a time after a quick opening, and one fewer after a slow one."""
        self._quickest = min(self._quickest, seconds)
        if seconds <= _SLOWER * self._quickest:
            self._width = min(MOST_OPENING, self._width + 1)
        else:
            self._width = max(self._least, self._width - 1)

    def _opened(self, task: asyncio.Task[None]) -> None:
        del self._opening[task]
        self._open_more()

    def _fail(self, error: Exception) -> None:
        if exhausted(error):
            # A connection may be given back, or the program may close a file.
            self._descriptors.lacking()
            if self._pause is None:
                self._pause = self._loop.call_later(_PAUSE, self._resume)
            return
        self._width = self._least
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)
                return

    def _resume(self) -> None:
        self._pause = None
        self._open_more()
