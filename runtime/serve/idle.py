"""The end of connections that send no whole request: aiohttp has no time limit for the head of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web

from .http_guard import Handler

LONGEST = 20.0
"""Seconds that a connection may be open without a request. It is also the longest wait for a next request."""


class IdleConnections:
    """The connections of a server, and the time since which each of them has no request.

    Each of them ends after ``longest`` seconds without a request. A head that comes letter by letter is no request
    until it is whole.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._asked: dict[web.RequestHandler, int] = {}
        self._since: dict[web.RequestHandler, float] = {}

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request. Its connection has a request until the answer is made."""
        connection = request.protocol
        self._asked[connection] = self._asked.get(connection, 0) + 1
        try:
            return await handler(request)
        finally:
            self._asked[connection] -= 1
            self._since[connection] = asyncio.get_running_loop().time()

    async def end(self, connections: Callable[[], Iterable[web.RequestHandler]]) -> None:
        """End idle connections until this is cancelled. ``connections`` lists those that are open."""
        while True:
            await asyncio.sleep(self._longest / 10)
            now = asyncio.get_running_loop().time()
            self._since = {one: self._since.get(one, now) for one in connections()}
            self._asked = {one: count for one, count in self._asked.items() if count or one in self._since}
            for one, since in self._since.items():
                if now - since > self._longest and not self._asked.get(one) and one.transport is not None:
                    one.transport.abort()
