"""Connections that send no whole request end, and those with a request go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from flowrun.runtime.serve.idle import IdleConnections
from support.patience import PATIENCE

LONGEST = 0.4
HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n"


@asynccontextmanager
async def served(seconds: float = 0.0) -> AsyncIterator[int]:
    """A server whose answers take some seconds. Its value is its port."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response(text="fine")

    idle = IdleConnections(LONGEST)
    app = web.Application(middlewares=[idle.watch])
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    server = runner.server
    assert server is not None
    sweep = asyncio.ensure_future(idle.end(lambda: server.connections))
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        sweep.cancel()
        await runner.cleanup()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait until the server ends a connection. It ends with an error of the socket, or without one."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    except ConnectionError:
        return True


async def test_half_a_head_ends_even_if_more_of_it_comes() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)

        async def drip() -> None:
            while True:
                writer.write(b"X: y\r\n")
                await asyncio.sleep(LONGEST / 8)

        dripping = asyncio.ensure_future(drip())
        assert await ended(reader)
        dripping.cancel()
        writer.close()


async def test_a_second_head_that_is_never_whole_ends() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n" + HEAD)
        assert b"200 OK" in await reader.readuntil(b"fine")
        assert await ended(reader)
        writer.close()


async def test_a_request_takes_as_long_as_it_needs() -> None:
    async with served(3 * LONGEST) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"fine"), PATIENCE)
        assert await ended(reader)
        writer.close()
