"""The provider of one local model. It starts the model's process and sends it requests."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ...vocabulary.call import Reply, Request
from ...vocabulary.errors import PermanentError, RefusedError, UsageError
from ..further_options import FurtherOptions
from ..protocol import Surroundings
from .engine_versions import beside_range
from .grammar import constraint, messages, token_limit
from .models import LocalModel
from .process import EngineProcess, must_have_engine
from .slots import head_of
from .stream import failure, read_reply
from .weights import Weights

if TYPE_CHECKING:
    from aiohttp import ClientSession

_RESTARTS = 2
_VARIED = 0.7
_VARIED_LABELS = 0.3
_OPTIONS = FurtherOptions("embedded", "", "")


class EmbeddedProvider:
    """A provider whose model runs in a process of its own. HTTP on loopback reaches it, with a random key.

    The model reads a prompt once for all samples of a request. If the request sets no temperature, several samples use
    0.7, several labels use 0.3 (with more, a model this small is unsure of labels), and a single sample uses 0. With
    four cores or more, the first run of a week measures how many requests at once pay.
    """

    samples = 12
    bounded = True
    keeps_prompts = True

    def __init__(self, model: LocalModel, surroundings: Surroundings, own_weights: str | None = None) -> None:
        self.model = model.name
        self.endpoint = f"{model.name}/{own_weights or model.file}"
        self._surroundings = surroundings
        self._weights = Weights(model, surroundings, own_weights)
        self.concurrency = self._weights.width.at_once
        self._engine: EngineProcess | None = None
        self._session: ClientSession | None = None
        self._opening: asyncio.Task[None] | None = None
        self._restarting = asyncio.Lock()
        self._restarts = 0
        self._calls: set[asyncio.Task[Reply]] = set()
        self._closed = False

    async def check_access(self) -> None:
        """Look for the engine and the weights before a run begins. Download the weights if they are missing.

        Raises: UsageError, which says what to install or to set.
        """
        must_have_engine()
        await self._weights.look_ahead()

    async def start(self) -> None:
        """Download the weights if they are missing, and load them.

        Raises: UsageError, which says what to install or to set.
        """
        self._opening = asyncio.create_task(self._open())
        try:
            await self._opening
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise UsageError(f"{self.model} was closed while it started") from None
            raise

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        """Send one request for all ``samples``.

        If it is cancelled, the model is free again within the time of one token.

        Raises: RefusedError, if the process fails or is too slow (a local answer costs nothing, so another attempt is
        safe); PermanentError.
        """
        import aiohttp

        _OPTIONS.check(request, self.model)
        if samples > self.samples:
            raise PermanentError(f"{self.model} gives at most {self.samples} samples a request, not {samples}")
        if self._closed or self._session is None:
            raise PermanentError(f"{self.model} is not started")
        if any(message.images for message in request.messages):
            raise PermanentError(f"{self.model} reads no images: name a model that does")
        call = asyncio.create_task(self._attempt(self._session, request, samples))
        self._calls.add(call)
        try:
            async with asyncio.timeout(request.timeout):
                return await call
        except TimeoutError:
            raise RefusedError(f"{self.model} did not finish within {request.timeout:g} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise RefusedError(f"the process of {self.model} stopped: {error}") from error
        except asyncio.CancelledError:
            if self._closed and not _being_cancelled():
                raise RefusedError(f"{self.model} was closed while it answered") from None
            raise
        finally:
            self._calls.discard(call)

    async def close(self) -> None:
        self._closed = True
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        calls = tuple(self._calls)
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.stop()
        self._weights.leave()

    async def _open(self) -> None:
        import aiohttp

        await self._boot()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),  # the engine closes after each stream
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        )
        width = self._weights.width
        if width.unknown:
            await width.measure(self._measured, lambda line: self._surroundings.progress(f"{self.model}: {line}"))
            self.concurrency = width.at_once

    async def _measured(self, request: Request) -> None:
        """Answer a request of the measurement."""
        import aiohttp

        assert self._session is not None
        try:
            await self._send(self._session, request, 1)
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error)) from error

    async def _boot(self) -> None:
        progress = self._surroundings.progress
        engine = EngineProcess(self._surroundings.environ)
        try:
            version = await engine.spawn()  # first, so that a missing engine is reported before a long download
            if said := beside_range(version):
                progress(f"{self.model}: {said}")
            weights = await self._weights.find()
            progress(f"{self.model}: loading {weights.name}")
            begun = time.monotonic()
            await engine.serve(weights, self._weights.model.context, self.samples)
            progress(f"{self.model}: loaded in {time.monotonic() - begun:.1f} s")
        except BaseException:
            await engine.stop()
            raise
        self._engine = engine

    async def _attempt(self, session: ClientSession, request: Request, samples: int) -> Reply:
        async with self._restarting:
            if self._engine is None or self._engine.exit_code is not None:
                await self._revive()
        return await self._send(session, request, samples)

    async def _revive(self) -> None:
        engine = self._engine
        if engine is not None:
            ended = f"the process of {self.model} ended with code {engine.exit_code}"
            if self._restarts >= _RESTARTS:
                raise PermanentError(
                    f"{ended}, after {_RESTARTS} restarts: it may need more memory than this machine has free"
                )
            self._restarts += 1
            self._surroundings.progress(f"{ended}; starting it again")
            self._engine = None
            await engine.stop()
        try:
            await self._boot()
        except UsageError as error:
            raise PermanentError(str(error)) from error

    async def _send(self, session: ClientSession, request: Request, samples: int) -> Reply:
        assert self._engine is not None
        url = f"http://127.0.0.1:{self._engine.port}/v1/chat/completions"
        headers = {"Authorization": f"Bearer {self._engine.key}"}
        body = self._body(request, samples)
        prompt = [(message["role"], message["content"]) for message in body["messages"]]
        with self._engine.slots.slot_for(prompt, head_of(request.messages, prompt)) as slot:
            if slot is not None:
                body["id_slot"] = slot
            # Streamed: only then does the engine notice that the client has gone.
            async with session.post(url, json=body, headers=headers) as response:
                if response.status != 200:
                    said = await response.json(content_type=None)
                    raise failure(said["error"], samples)
                return await read_reply(response.content, samples)

    def _body(self, request: Request, samples: int) -> dict[str, Any]:
        temperature = request.temperature
        if temperature is None:
            varied = _VARIED_LABELS if request.choices else _VARIED
            temperature = varied if samples > 1 else 0.0
        body = {
            "messages": messages(request),
            "n": samples,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": temperature,
            "max_tokens": token_limit(request, self._weights.model.context),
            **({} if request.seed is None else {"seed": request.seed}),
            **constraint(request),
        }
        _OPTIONS.write(body, request, frozenset())
        return body


def _being_cancelled() -> bool:
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0
