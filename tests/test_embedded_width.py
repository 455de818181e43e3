"""The number of requests at once at the embedded model, measured with an engine of made-up speed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from flowrun.runtime.dispatch.endpoint import Endpoint
from flowrun.runtime.experience.store import NAME, open_store
from flowrun.runtime.limits import EndpointTerms, Limiter
from flowrun.runtime.providers.embedded import calibration
from flowrun.runtime.providers.embedded import weights as weights_module
from flowrun.runtime.providers.embedded.calibration import best_width
from flowrun.runtime.providers.embedded.models import TINY
from flowrun.runtime.providers.embedded.provider import EmbeddedProvider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.records import NoRecords
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import UsageError
from support.patience import PATIENCE

ENGINE = '''
"""An engine that serves GGML_PARALLEL requests at a time. It counts the seconds of its work, and takes none."""
import json, os, re, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

__version__ = os.environ.get("GGML_VERSION", "2026.10.11549")
PLACES = int(os.environ["GGML_PARALLEL"])
MEETING = {width: threading.Barrier(width) for width in (1, 2, 4)}


class CommonParams(SimpleNamespace):
    def __init__(self):
        super().__init__(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = re.search(rb"(\\d) at once", asked)
        width = int(said[1]) if said else 1
        MEETING[width].wait()
        clock = os.open(os.environ["GGML_CLOCK"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(clock, b"." * (12 // min(width, PLACES)))
        os.close(clock)
        if os.environ.get("GGML_FAILS"):
            self.send_response(500)
            self.end_headers()
            self.wfile.write(b'{"error": {"code": 500, "message": "broken"}}')
            return
        choice = {"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"}
        event = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\\n\\n")

    def log_message(self, *words):
        pass


class Server:
    def __init__(self, params):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
'''


class World:
    """A machine with some cores, an engine of made-up speed, weights and a cache.

    A hundredth of a second of the engine's time is a byte of the file ``clock``.
    """

    def __init__(self, folder: Path) -> None:
        (folder / "engine").mkdir()
        (folder / "engine" / "xllamacpp.py").write_text(ENGINE)
        self.weights = folder / "own.gguf"
        self.weights.write_bytes(b"GGUF")
        self.cache = folder / "cache"
        self.clock = folder / "clock"
        self.clock.touch()
        self.said: list[str] = []

    def provider(self, parallel: int, *, learns: bool = True, **more: str) -> EmbeddedProvider:
        environ = {
            "PYTHONPATH": str(self.weights.parent / "engine"),
            "GGML_PARALLEL": str(parallel),
            "GGML_CLOCK": str(self.clock),
            "FLOWRUN_CACHE": str(self.cache),
            **({} if learns else {"FLOWRUN_LEARN": "0"}),
            **more,
        }
        self.said.clear()
        self.store = open_store(environ, self.said.append)
        surroundings = Surroundings(environ, self.said.append, self.store or NoRecords())
        return EmbeddedProvider(TINY, surroundings, own_weights=str(self.weights))

    async def measured(self, parallel: int, *, learns: bool = True, **more: str) -> int:
        """Start a provider and end it, as a run does. Return its number of requests at once."""
        provider = self.provider(parallel, learns=learns, **more)
        try:
            await provider.start()
            return provider.concurrency
        finally:
            if self.store is not None:
                self.store.save()
            await provider.close()

    @property
    def tells(self) -> bool:
        return any("at a time on this machine" in line for line in self.said)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(weights_module, "usable_cores", lambda: 8)
    world = World(tmp_path)
    monkeypatch.setattr(calibration, "LONGEST", PATIENCE)

    def clock() -> float:
        return world.clock.stat().st_size / 100

    monkeypatch.setattr(calibration, "best_width", lambda ask: best_width(ask, clock))
    return world


@pytest.mark.parametrize("parallel", [1, 2, 4])
async def test_as_many_slots_as_pay_are_used_and_kept(world: World, parallel: int) -> None:
    assert await world.measured(parallel) == parallel
    assert world.tells
    # A later run measures nothing, and begins with the number.
    later = world.provider(1)
    assert later.concurrency == parallel
    await later.start()
    await later.close()
    assert later.concurrency == parallel and not world.tells
    assert "GGUF" not in (world.cache / NAME).read_text()


async def test_nothing_is_measured_with_few_cores_or_without_learning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await world.measured(4, learns=False) == 1
    assert not world.tells
    monkeypatch.setattr(weights_module, "usable_cores", lambda: 3)
    assert await world.measured(4) == 1
    assert not world.tells and not world.cache.exists()


async def test_other_weights_other_cores_and_a_week_measure_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await world.measured(2) == 2
    monkeypatch.setattr(weights_module, "usable_cores", lambda: 16)
    assert await world.measured(4) == 4
    monkeypatch.setattr(weights_module, "usable_cores", lambda: 8)
    assert world.provider(1).concurrency == 2
    book = json.loads((world.cache / NAME).read_text())
    for entry in book["models"].values():
        entry["date"] -= 8 * 86400
    (world.cache / NAME).write_text(json.dumps(book))
    assert world.provider(1).concurrency == 1
    assert await world.measured(4) == 4
    world.weights.write_bytes(b"GGUF other")
    assert world.provider(1).concurrency == 1


async def test_an_engine_that_fails_is_told_by_the_first_call(world: World) -> None:
    assert await world.measured(4, GGML_FAILS="1") == 1
    assert not world.tells
    assert world.provider(4).concurrency == 1


async def test_a_slow_model_is_measured_for_a_few_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def ask(request: Request) -> None:
        asked.append(request)
        await asyncio.sleep(3000)

    monkeypatch.setattr(calibration, "LONGEST", 0.2)
    assert await asyncio.wait_for(best_width(ask), PATIENCE) == 1
    assert len(asked) == 1


async def test_an_untested_engine_is_told_and_used(world: World) -> None:
    await world.measured(1, GGML_VERSION="2031.1.2")
    assert any("xllamacpp 2031.1.2 is installed, and flowrun is tested with" in line for line in world.said)
    await world.measured(1)
    assert not any("is installed" in line for line in world.said)


async def test_the_limiter_follows_the_provider(world: World) -> None:
    provider = world.provider(2)
    limiter = Limiter(provider.concurrency, EndpointTerms(start=provider.concurrency))
    endpoint = Endpoint(provider, limiter, follows=True)
    place = limiter.acquire()
    assert place is not None and limiter.acquire() is None
    called: list[bool] = []
    limiter.on_ready(lambda: called.append(True))
    try:
        assert await endpoint.ready()
        assert limiter.limit == limiter.width == 2
        await asyncio.sleep(0)
        assert called == [True]
        second = limiter.acquire()
        assert second is not None and limiter.acquire() is None
        reply = await provider.complete(Request((Message("user", "x"),)))
        assert reply.answers[0].text == "yes"
        limiter.release(place)
        limiter.release(second)
        assert limiter.width == 2
    finally:
        await endpoint.close()


async def test_a_broken_engine_is_one_sentence(world: World) -> None:
    (world.weights.parent / "engine" / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1: cannot open')")
    with pytest.raises(UsageError, match="libgomp1"):
        await world.measured(1)
