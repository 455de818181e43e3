"""The serving of an application on a free port of loopback: in the loop of a test, or in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

LARGE = 1 << 26
"""The bytes that a request may have, where requests hold pictures or whole documents."""


@asynccontextmanager
async def served(app: web.Application, *, cancels: bool = False, patience: float = 60.0) -> AsyncIterator[str]:
    """Serve an application and yield its address.

    ``cancels`` says that a handler ends with its connection. At the end it waits for open requests, ``patience``
    seconds at most.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=cancels, shutdown_timeout=patience)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def served_aside(app: web.Application, *, cancels: bool = False, patience: float = 60.0) -> Iterator[str]:
    """Serve an application in a thread of its own, for tests whose own loop is busy, and yield its address."""
    loop, serving = asyncio.new_event_loop(), served(app, cancels=cancels, patience=patience)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        url = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        try:
            yield url
        finally:
            asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
