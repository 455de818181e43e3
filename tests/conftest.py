"""A server on loopback that answers well or badly, as told."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib.metadata
import json
import os
import random
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import settings

# The asserts of `tests/support` say what they compared, as those of the tests do. Before the first import of it.
pytest.register_assert_rewrite("support")

# One commit gives one verdict. `pytest --hypothesis-profile default` looks further, with other examples each time.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """Keep the collected tests out of the garbage collector, which otherwise looks through all of them in each test."""
    gc.collect()
    gc.freeze()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FaultServer:
    """Gives each request the next of its replies, the last one over and over; ``seen`` holds what came in."""

    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    replies: list[Handler] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.arrived.set()
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        self.seen.append(json.loads(await request.read()))
        reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        return await reply(request)

    def json(self, data: object, status: int = 200, **headers: str) -> None:
        self.raw(json.dumps(data).encode(), status, "application/json", **headers)

    def raw(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def reply(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers={"Content-Type": kind, **named})

        self.replies.append(reply)

    def hang(self, status: int | None = None) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            if status is not None:
                response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
                await response.prepare(request)
                await response.write(b"{")
            await self.closing.wait()
            return web.Response()

        self.replies.append(reply)

    def drip(self) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            while not self.closing.is_set() and request.transport is not None:
                await response.write(b" ")
                await asyncio.sleep(0.01)
            return response

        self.replies.append(reply)

    def reset(self, start: bytes = b"") -> None:
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
        async def reply(request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            response = web.StreamResponse(headers={"Content-Type": "application/json", **named})
            await response.prepare(request)
            while request.transport is not None and not self.closing.is_set():
                await response.write(chunk)
            return response

        self.replies.append(reply)


@pytest.fixture
async def faults() -> AsyncIterator[FaultServer]:
    server = FaultServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    server.closing.set()
    await runner.cleanup()


@pytest.fixture
def flow(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a flow into the test's folder, as a.flow."""

    def write(text: str) -> Path:
        path = tmp_path / "a.flow"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session", autouse=True)
def main_loop() -> Iterator[None]:
    """A loop of the main thread's own, closed at the end: pytest-asyncio otherwise makes one and leaves it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """Look through the installed packages once for each search path: it takes longer than a random flow."""
    found: dict[tuple[object, ...], Any] = {}
    look = importlib.metadata.entry_points

    def entry_points(**params: Any) -> Any:
        key = (*sys.path, *params.items())
        if key not in found:
            found[key] = look(**params)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "entry_points", entry_points)
        yield


@pytest.fixture(scope="session", autouse=True)
def journals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the journals of the test under way: nothing is written beside the code."""
    folder = tmp_path_factory.mktemp("journals")
    yield folder


@pytest.fixture(autouse=True)
def own_chance(request: pytest.FixtureRequest) -> None:
    """Draw the same random numbers, such as the wait before a retry, in every order of the tests."""
    random.seed(request.node.nodeid)


@pytest.fixture(autouse=True)
def own_journal(journals: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds the answers of another."""
    name = hashlib.blake2b(request.node.nodeid.encode(), digest_size=8).hexdigest()
    monkeypatch.setenv("FLOWRUN_JOURNAL", str(journals / name / "journal.db"))


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of the local models' weights, which are too large for a copy in each test."""
    from flowrun.runtime.files.folders import cache_folder  # not before the coverage is counted

    folder = cache_folder(os.environ) / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def own_cache(journals: Path, weights: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test starts with the lessons of another, nor with those of the user."""
    folder = journals / "caches" / hashlib.blake2b(request.node.nodeid.encode(), digest_size=8).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (folder / "models").symlink_to(weights)
    monkeypatch.setenv("FLOWRUN_CACHE", str(folder))
