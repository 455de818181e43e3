"""Live pages for tests: the server of a run that the test makes up, and a real run whose answers the test lets go."""

from __future__ import annotations

import asyncio
import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from email.message import Message as Headers
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from flowrun.runtime import Result, RunOptions, run
from flowrun.runtime.live.server import LiveServer
from flowrun.runtime.live.state import LiveState
from flowrun.runtime.pages.inputs import Inputs
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Message, Reply, Request

from .browser import Sheet, sheet
from .page_records import plan_from
from .patience import PATIENCE, eventually

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Browser, Page

ADDRESS = re.compile(r"the run is shown at (http://127\.0\.0\.1:\d+/\?key=[\w-]+)\n")


class Got(NamedTuple):
    status: int
    headers: Headers
    text: str


def got(port: int, path: str, method: str = "GET", **headers: str) -> Got:
    """Ask a server on this machine."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        return Got(reply.status, reply.headers, reply.read().decode())


@dataclass(frozen=True)
class Carried:
    """A call that a made-up request carries."""

    path: str
    request: Request
    place: str = ""
    model: str = "openai:x"

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.request.messages


class Shown:
    """The server of a made-up run. ``ask`` and ``answer`` say what its calls do."""

    def __init__(self) -> None:
        plan = plan_from()
        self.state = LiveState(plan, "")
        self.server = LiveServer(self.state, Inputs(plan))
        self.server.start()
        split = urlsplit(self.server.address)
        assert split.port is not None
        self.port, self.query = split.port, f"?{split.query}"
        self._number = 0

    def got(self, path: str = "/", method: str = "GET", **headers: str) -> Got:
        return got(self.port, path, method, **headers)

    def ask(self, path: str, prompt: str = "Say something.") -> e.RequestStarted:
        self._number += 1
        call = Carried(path, Request((Message("user", prompt),)), path)
        event = e.RequestStarted(self._number, path, call.model, 1, carried=(call,), at=self._number / 100)
        self.state(event)
        return event

    def answer(self, asked: e.RequestStarted, text: str) -> None:
        at, carried = asked.at + 0.005, asked.carried
        self.state(
            e.RequestFinished(
                asked.number, asked.path, asked.model, 1, 0.005, 9, 5, carried=carried, came=(Answer(text),), at=at
            )
        )

    def call(self, path: str, prompt: str = "Say something.", text: str = "Something.") -> None:
        self.answer(self.ask(path, prompt), text)


@contextmanager
def made_up() -> Iterator[Shown]:
    """Show a made-up run, and end it."""
    one = Shown()
    try:
        yield one
    finally:
        one.server.finish(None, 5)


class Held(ScriptedProvider):
    """A provider that answers as often as the test lets it."""

    def __init__(self) -> None:
        super().__init__(lambda request, number: f"Answer to {request.messages[-1].text}")
        self._free = asyncio.Semaphore(0)
        self._loop: asyncio.AbstractEventLoop | None = None

    def let(self, answers: int) -> None:
        """Let so many answers go. Another thread may call this."""
        assert self._loop is not None
        for _ in range(answers):
            self._loop.call_soon_threadsafe(self._free.release)

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self._loop = asyncio.get_running_loop()
        await self._free.acquire()
        return await super().complete(request, samples, idempotency_key)


class HeldRun:
    """A real run in a thread of its own, whose answers come when the test lets them go."""

    def __init__(self, flow: Path, inputs: dict[str, Any], options: RunOptions) -> None:
        self.model = Held()
        self.result: Result | None = None
        given = replace(options, live=True, opener=lambda name, around: self.model)

        def work() -> None:
            self.result = run(flow, inputs, options=given)

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def end(self) -> Result:
        if self.result is None:
            self.model.let(1000)
        self._thread.join(PATIENCE)
        assert self.result is not None
        return self.result


@contextmanager
def live_sheet(browser: Browser, address: str, **given: Any) -> Iterator[Page]:
    """Open a live page. At its end its console is empty, and it asked for nothing but its updates."""
    with sheet(browser, **given) as seen:
        seen.page.goto(address)
        seen.page.wait_for_selector("body[data-ready]")
        yield seen.page
        _check_silent(seen, address)


def _check_silent(seen: Sheet, address: str) -> None:
    assert seen.said == []
    kinds = [one.partition("?key=")[0].rpartition("/")[2] for one in seen.sent]
    assert kinds == ["", "events"]
    assert all(one.startswith(address.partition("?")[0]) for one in seen.sent)


def address_in(capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until a run of this process has told the address of its page, and return it."""
    told = ""

    def address() -> re.Match[str] | None:
        nonlocal told
        told += capsys.readouterr().err
        return ADDRESS.search(told)

    eventually(address)
    found = ADDRESS.search(told)
    assert found is not None
    return found[1]
