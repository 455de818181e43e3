"""A server on loopback that answers well or badly, as it is told."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False)
class FaultServer:
    """A server on loopback that fails as it is told. Each request gets the next reply, the last one over and over.

    ``seen`` has the bodies of the requests, ``paths`` and ``headers`` what belongs to them. ``arrived`` is set when the
    first request comes. ``raw``, ``json``, ``hang``, ``drip``, ``reset`` and ``endless`` add a reply.
    """

    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    replies: list[Handler] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Serve on a free port of 127.0.0.1; ``url`` is set."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.closing.set()
            await runner.cleanup()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.arrived.set()
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        self.seen.append(json.loads(await request.read()))
        reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        return await reply(request)

    def json(self, data: object, status: int = 200, **headers: str) -> None:
        """Reply with data as JSON. An underscore in the name of a header stands for a hyphen."""
        self.raw(json.dumps(data).encode(), status, "application/json", **headers)

    def raw(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        """Reply with these bytes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def reply(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers={"Content-Type": kind, **named})

        self.replies.append(reply)

    def hang(self, status: int | None = None) -> None:
        """Never end the reply: not even begin it, or send the ``status`` and the first byte."""

        async def reply(request: web.Request) -> web.StreamResponse:
            if status is not None:
                response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
                await response.prepare(request)
                await response.write(b"{")
            await self.closing.wait()
            return web.Response()

        self.replies.append(reply)

    def drip(self) -> None:
        """Send a blank every ten milliseconds, without an end."""

        async def reply(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            while not self.closing.is_set() and request.transport is not None:
                await response.write(b" ")
                await asyncio.sleep(0.01)
            return response

        self.replies.append(reply)

    def reset(self, start: bytes = b"") -> None:
        """Break the connection off, after the bytes ``start``."""

        async def reply(request: web.Request) -> web.StreamResponse:
            transport = request.transport
            assert transport is not None
            if start:
                transport.write(start)
                await asyncio.sleep(0.02)
            # SO_LINGER 0 makes the close a reset.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
            return web.Response()

        self.replies.append(reply)

    def endless(self, chunk: bytes, **headers: str) -> None:
        """Send these bytes again and again, without an end."""

        async def reply(request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            response = web.StreamResponse(headers={"Content-Type": "application/json", **named})
            await response.prepare(request)
            while request.transport is not None and not self.closing.is_set():
                await response.write(chunk)
            return response

        self.replies.append(reply)
