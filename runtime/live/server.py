"""The server of live pages: on 127.0.0.1 and a free port, in a thread of its own, for those who have its key."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from ..pages.assembly import LIVE_SCRIPTS, policy_of
from ..pages.inputs import Inputs
from ..pages.live_page import LISTENS, changes_json, final_json, live_page
from ..vocabulary.errors import FlowrunError, UsageError, mistake_in
from ..vocabulary.quoting import inert
from ..vocabulary.run_record import RunRecord
from .questions import OVER, LiveQuestions
from .state import LiveState

EVERY = 0.25
"""The least seconds between two updates of a page."""
_ALIVE = 1.0
"""The seconds after which a page hears of the time although nothing changed."""
_LAST = 1.0
"""The seconds that pages have to take the last update."""
_STALLED = 0.5
"""The seconds after which a page that takes nothing gets no last update."""
_SHARE = 0.01
"""The part of a core that updates may take, except those with which a page catches up. Larger ones come less often."""
LEAST_OFTEN = 2.0
"""The most seconds between two updates of a page, if it is the only one."""
_IDLE = float("inf")
"""The beginning of the write of a page that has taken everything."""
MOST_AT_ONCE = 2**20
"""The characters after which an update is full. A page that stalls holds one update."""
MOST_PAGES = 16
"""The pages that may listen at the same time."""
TOO_MANY = "Too many pages listen already: close one."
HOST = "127.0.0.1"
ANSWER = "/answer"
"""The path to which a page sends the answer to a question."""
_LONGEST = 2**20
"""The most bytes of an answer."""
_LOGGER = logging.getLogger("flowrun.live")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Make = Callable[[], RunRecord]


class LiveServer:
    """The server of the pages of one run. ``address`` has the key, without which nothing is answered."""

    def __init__(self, state: LiveState, inputs: Inputs, questions: LiveQuestions | None = None) -> None:
        """Open a port. Raises UsageError if the machine gives none."""
        self._state = state
        self._inputs = inputs
        self._questions = questions or LiveQuestions()
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
        self._pages: dict[asyncio.Task[object], float] = {}
        self._last = b""
        self._begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over, self._left = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="flowrun-live", daemon=True)

    @property
    def address(self) -> str:
        return f"http://{self._hosts[0]}/?key={self._key}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._begun.wait()

    def finish(self, make: Make | None, wait: float) -> None:
        """Give the last update to all pages, and end. ``make`` returns the record of the run, if it has one.

        A page that does not take it, or a record that is not made in ``wait`` seconds, is left alone.
        """
        self._later(self._end, make)
        self._thread.join(wait)

    def fail(self, error: Exception) -> None:
        """Tell the user of an error in the page, and end the server. The run goes on. Any thread may call this."""
        why = f"the live page has ended by a fault of its own, and the run goes on: {mistake_in(error)}"
        print(inert(why), file=sys.stderr, flush=True)
        self._later(self._stop)

    def _later(self, act: Callable[..., None], *given: object) -> None:
        """Act on the loop of the server, if it has not ended."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(act, *given)

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  the run goes on without its page
            self.fail(error)
        finally:
            self._begun.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._lost)
        _LOGGER.disabled = True
        app = web.Application(middlewares=[self._guard], client_max_size=_LONGEST)
        app.router.add_get("/", self._page, allow_head=False)
        app.router.add_get("/events", self._events, allow_head=False)
        app.router.add_post(ANSWER, self._answer)
        runner = web.AppRunner(app, access_log=None, logger=_LOGGER, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            self._begun.set()
            await self._over.wait()
            async with asyncio.timeout(_LAST):
                await self._left.wait()
        except TimeoutError:
            pass  # a page that takes nothing misses the end
        finally:
            await runner.cleanup()

    def _end(self, make: Make | None) -> None:
        """Begin to make the last update for the pages that listen. Until it is there, they get the usual ones."""
        if self._over.is_set():
            return
        now = time.monotonic()
        for page in [page for page, began in self._pages.items() if now - began > _STALLED]:
            page.cancel()
            del self._pages[page]
        if self._pages and make is not None:
            # The process may end before this thread does.
            threading.Thread(target=self._make, args=(make,), name="flowrun-live-report", daemon=True).start()
        else:
            self._close(b"")

    def _make(self, make: Make) -> None:
        last = b""
        try:
            last = final_json(make(), self._state.version)
        except FlowrunError as error:
            print(inert(f"the live page does not become the report: {error}"), file=sys.stderr, flush=True)
        except Exception as error:  # noqa: BLE001  the run is paid for, and has its result
            self.fail(error)
        self._later(self._close, last)

    def _close(self, last: bytes) -> None:
        self._last = last
        self._over.set()
        if not self._pages:
            self._left.set()

    def _stop(self) -> None:
        """End without a last update, so that the pages tell that their connection is lost."""
        for page in self._pages:
            page.cancel()
        self._over.set()
        self._left.set()

    def _lost(self, _: asyncio.AbstractEventLoop, about: dict[str, object]) -> None:
        """Handle an error that no coroutine took."""
        error = about.get("exception")
        self.fail(error if isinstance(error, Exception) else RuntimeError(str(about.get("message"))))

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only this machine's own pages with the right key: GET, and POST of an answer to a question.

        The check of the host keeps out a site whose name leads to 127.0.0.1 (DNS rebinding). An answer must come from a
        script of the page itself: with its origin, and with a type of content that no form of another site sends.
        """
        origin, key = request.headers.get("Origin"), request.query.get("key", "")
        posts = request.method == "POST" and request.path == ANSWER
        if request.method != "GET" and not posts:
            return _refused(405, "Only GET is answered here.")
        if posts and (origin is None or request.content_type != "application/json"):
            return _refused(403, "Only the page itself can answer.")
        if request.headers.getall("Host", []) not in [[one] for one in self._hosts]:
            return _refused(403, "This host is not served here.")
        if origin is not None and origin not in [f"http://{one}" for one in self._hosts]:
            return _refused(403, "Pages of other sites are not served here.")
        if not hmac.compare_digest(key.encode("utf-8", "replace"), self._key.encode()):
            return _refused(403, "The key in the address is wrong: copy the whole address from the terminal.")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refused(
                error.status, "The answer is too long." if error.status == 413 else "There is no such page."
            )
        except ConnectionError:
            raise  # the browser closed the page
        except Exception as error:  # noqa: BLE001  a fault of the page never ends the run
            self.fail(error)
            return _refused(500, "The live page has ended by a fault of its own. The terminal tells more.")

    async def _page(self, request: web.Request) -> web.Response:
        """Answer with a page without calls. They follow as updates, because to pack many would hold up the run."""
        if len(self._pages) >= MOST_PAGES:
            return _refused(503, TOO_MANY)
        text = live_page(self._state.since(0, 0), self._inputs)
        return web.Response(body=text.encode(), content_type="text/html", charset="utf-8", headers=_headers())

    async def _answer(self, request: web.Request) -> web.Response:
        """Take the answer of a person."""
        try:
            given = json.loads(await request.text())
            number, text = given["question"], given["answer"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return _refused(400, "This is no answer.")
        if type(number) is not int or not isinstance(text, str):
            return _refused(400, "This is no answer.")
        why = await asyncio.to_thread(self._questions.answer, number, text)
        if why:
            return _refused(409 if why == OVER else 422, inert(why))
        return web.Response(text="", headers=_headers())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if len(self._pages) >= MOST_PAGES:
            return _refused(503, TOO_MANY)
        given = request.query.get("from", "0")
        version = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0
        response = web.StreamResponse(headers={**_headers(), "Content-Type": "text/event-stream"})
        page = asyncio.current_task()
        assert page is not None
        self._pages[page] = _IDLE
        try:
            await response.prepare(request)
            with suppress(ConnectionError):  # the page was closed
                await self._send(response, page, version)
        finally:
            self._pages.pop(page, None)
            if self._over.is_set() and not self._pages:
                self._left.set()
        return response

    async def _send(self, response: web.StreamResponse, page: asyncio.Task[object], version: int) -> None:
        told, asked = time.monotonic(), -1
        while not self._over.is_set():
            wait = EVERY
            if version != self._state.version or asked != self._questions.version or time.monotonic() - told >= _ALIVE:
                began = time.thread_time()
                changes = self._state.since(version, MOST_AT_ONCE)
                news = self._questions.version
                questions = None if news == asked else self._questions.shown()
                data = _message(changes_json(changes, self._inputs, questions))
                taken = time.thread_time() - began
                wait = EVERY if changes.behind else min(LEAST_OFTEN, max(EVERY, taken / _SHARE))
                wait *= len(self._pages)
                self._pages[page] = time.monotonic()
                await response.write(data)
                self._pages[page] = _IDLE
                version, asked, told = changes.version, news, time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
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
