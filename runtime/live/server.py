"""The server of live pages: on 127.0.0.1 and a free port, in a thread of its own, for those who have its key."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from ..pages.assembly import LIVE_SCRIPTS, policy_of
from ..pages.inputs import Inputs
from ..pages.live_page import LISTENS, changes_json, final_json, live_page
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.run_record import RunRecord
from .state import LiveState

EVERY = 0.25
"""The least seconds between two updates of a page."""
_ALIVE = 1.0
"""The seconds after which a page hears of the time although nothing changed."""
_LAST = 1.0
"""The seconds that pages have to take the last update."""
MOST_PAGES = 16
"""The pages that may listen at the same time."""
HOST = "127.0.0.1"
_LOGGER = logging.getLogger("flowrun.live")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Make = Callable[[], RunRecord]


class LiveServer:
    """The server of the pages of one run. ``address`` has the key, without which nothing is answered."""

    def __init__(self, state: LiveState, inputs: Inputs) -> None:
        """Open a port. Raises UsageError if the machine gives none."""
        self._state = state
        self._inputs = inputs
        self._key = secrets.token_urlsafe(24)
        try:
            self._socket = socket.create_server((HOST, 0))
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(
                f"--live cannot open a port on {HOST} ({why}), and nothing was sent: leave out --live, and make the "
                "page at the end by --report FILE"
            ) from None
        self._hosts = tuple(f"{name}:{self._socket.getsockname()[1]}" for name in (HOST, "localhost"))
        self._pages = 0
        self._last = b""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over, self._left = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="flowrun-live", daemon=True)

    @property
    def address(self) -> str:
        return f"http://{self._hosts[0]}/?key={self._key}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def finish(self, make: Make | None, wait: float) -> None:
        """Give the last update to all pages, and end. ``make`` returns the record of the run, if it has one.

        A page that does not take it, or a record that is not made in ``wait`` seconds, is left alone.
        """
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(self._end, make)
        self._thread.join(wait)

    def _work(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        _LOGGER.disabled = True
        app = web.Application(middlewares=[self._guard], client_max_size=1024)
        app.router.add_get("/", self._page, allow_head=False)
        app.router.add_get("/events", self._events, allow_head=False)
        runner = web.AppRunner(app, access_log=None, logger=_LOGGER, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            await self._over.wait()
            async with asyncio.timeout(_LAST):
                await self._left.wait()
        except TimeoutError:
            pass  # a page that takes nothing misses the end
        finally:
            await runner.cleanup()

    def _end(self, make: Make | None) -> None:
        if self._pages and make is not None:
            with suppress(FlowrunError):  # the pages then keep the state that they have
                self._last = final_json(make(), self._state.version)
        self._over.set()
        if not self._pages:
            self._left.set()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only GET from this machine's own pages with the right key.

        The check of the host keeps out a site whose name leads to 127.0.0.1 (DNS rebinding).
        """
        origin, key = request.headers.get("Origin"), request.query.get("key", "")
        if request.method != "GET":
            return _refused(405, "Only GET is answered here.")
        if request.headers.getall("Host", []) not in [[one] for one in self._hosts]:
            return _refused(403, "This host is not served here.")
        if origin is not None and origin not in [f"http://{one}" for one in self._hosts]:
            return _refused(403, "Pages of other sites are not served here.")
        if not hmac.compare_digest(key.encode("utf-8", "replace"), self._key.encode()):
            return _refused(403, "The key in the address is wrong: copy the whole address from the terminal.")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refused(error.status, "There is no such page here.")

    async def _page(self, request: web.Request) -> web.Response:
        text = live_page(self._state.since(0), self._inputs)
        return web.Response(body=text.encode(), content_type="text/html", charset="utf-8", headers=_headers())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._pages >= MOST_PAGES:
            return _refused(503, "Too many pages listen already: close one.")
        given = request.query.get("from", "0")
        version = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0
        response = web.StreamResponse(headers={**_headers(), "Content-Type": "text/event-stream"})
        self._pages += 1
        try:
            await response.prepare(request)
            with suppress(ConnectionError):  # the page was closed
                await self._send(response, version)
        finally:
            self._pages -= 1
            if self._over.is_set() and not self._pages:
                self._left.set()
        return response

    async def _send(self, response: web.StreamResponse, version: int) -> None:
        loop = asyncio.get_running_loop()
        told = loop.time()
        while not self._over.is_set():
            if version != self._state.version or loop.time() - told >= _ALIVE:
                changes = self._state.since(version)
                await response.write(_message(changes_json(changes, self._inputs)))
                version, told = changes.version, loop.time()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._over.wait()
        last = self._last or changes_json(self._state.since(version), self._inputs)
        await response.write(_message(last))
        await response.write(b"event: over\ndata: 1\n\n")


def _message(data: bytes) -> bytes:
    """Write an event. JSON escapes line breaks, so that the data cannot end it."""
    return b"data: " + data + b"\n\n"


def _headers() -> dict[str, str]:
    policy = policy_of(LIVE_SCRIPTS, f"{LISTENS}; frame-ancestors 'none'")
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _refused(status: int, why: str) -> web.Response:
    headers = _headers() | ({"Allow": "GET"} if status == 405 else {})
    return web.Response(text=f"{why}\n", status=status, headers=headers)
