"""The HTTP interface to the flows of a server: a path for each flow, and one for each run."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from flowrun.dsl import did_you_mean

from ..vocabulary.quoting import shown
from .http_guard import Guard, RefusedRequestError, problem
from .idle import IdleConnections
from .openapi import openapi
from .runs import Run, Runs
from .tools import Tool

MOST_BODY = 32 * 2**20
"""The most bytes of a body."""
READING = 60.0
"""The seconds in which a body must come."""
STALLED = 30.0
"""The seconds for which a client may take nothing of a stream."""
EVERY = 0.25
"""The least seconds between two events of a stream."""
ALIVE = 15.0
"""The seconds after which a stream without news sends a comment, so that proxies keep it open."""
_STATUS = {
    "done": 200,
    "partial": 200,
    "refused": 422,
    "budget": 402,
    "stopped": 409,
    "disk": 507,
    "mistake": 500,
}
"""The HTTP status for the status of a run that has ended; 502 for all others: its models failed."""
_TYPE = "application/json"


class App:
    """The handlers of all paths."""

    def __init__(self, tools: Mapping[str, Tool], runs: Runs, version: str) -> None:
        self._tools = tools
        self._runs = runs
        self._openapi = openapi(tools, version)

    def made(self, guard: Guard, idle: IdleConnections, most_body: int = MOST_BODY) -> web.Application:
        app = web.Application(middlewares=[idle.watch, guard.__call__], client_max_size=most_body)
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/openapi.json", self._describe)
        app.router.add_post("/flows/{name}", self._call)
        app.router.add_post("/flows/{name}/runs", self._begin)
        app.router.add_get("/runs/{id}", self._show)
        app.router.add_delete("/runs/{id}", self._stop)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, request: web.Request) -> web.Response:
        if self._runs.closing:
            return problem(503, "the server ends, and takes no more runs")
        return web.json_response({"status": "ready"})

    async def _describe(self, request: web.Request) -> web.Response:
        return web.json_response(self._openapi)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """Run a flow, and answer with its result. A client that hangs up stops the run."""
        run = await self._run(request, detached=False)
        with run.followed():
            if _wants_stream(request):
                return await _stream(request, run)
            await run.wait()
        return _ended(run)

    async def _begin(self, request: web.Request) -> web.Response:
        """Begin a run that goes on without its client."""
        run = await self._run(request, detached=True)
        await run.named.wait()
        if run.end is not None and run.end.status == "refused":
            return _ended(run)
        place = f"/runs/{run.id}"
        return web.json_response({"run": run.id, "url": place}, status=202, headers={"Location": place})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        run = self._found(request)
        if isinstance(run, web.Response):
            return run
        if _wants_stream(request):
            return await _stream(request, run)
        if run.end is None:
            return web.json_response({"run": run.id, "status": "running", "progress": run.progress.data()})
        return web.Response(body=run.end.report, content_type=_TYPE)

    async def _stop(self, request: web.Request) -> web.Response:
        """Stop a run, and answer when the requests under way have their answers, or after a while before."""
        run = self._found(request)
        if isinstance(run, web.Response):
            return run
        run.stop()
        if not await run.wait(5.0):
            return web.json_response({"run": run.id, "status": "stopping"}, status=202)
        assert run.end is not None
        return web.Response(body=run.end.report, content_type=_TYPE)

    def _found(self, request: web.Request) -> Run | web.Response:
        name = request.match_info["id"]
        run = self._runs.find(name)
        return run or problem(404, f"there is no run {shown(name)} here; `flowrun show` has all runs of the journal")

    async def _run(self, request: web.Request, *, detached: bool) -> Run:
        """Begin the run that a request asks for, or find the one that its Idempotency-Key has begun."""
        name = request.match_info["name"]
        tool = self._tools.get(name)
        if tool is None:
            guess = did_you_mean(name, self._tools) or f"there are {', '.join(self._tools)}"
            raise RefusedRequestError(404, f"no flow is called {shown(name)}; {guess}")
        body, given = await _inputs(request)
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > 255:
            raise RefusedRequestError(422, "the Idempotency-Key has more than 255 characters")
        digest = hashlib.sha256(b"\0".join((name.encode(), body))).hexdigest() if key else ""
        run = self._runs.begun_with(key) if key else None
        if run is None:
            run = await self._runs.begin(tool, given, key=key, digest=digest, detached=detached)
        elif run.digest != digest:
            raise RefusedRequestError(
                422, "this Idempotency-Key belongs to a request with another flow or other inputs"
            )
        run.detached = run.detached or detached
        return run


async def _inputs(request: web.Request) -> tuple[bytes, dict[str, Any]]:
    """Read the inputs in the body of a request."""
    if request.content_type != _TYPE:
        raise RefusedRequestError(415, "send the inputs as a JSON object, with `Content-Type: application/json`")
    try:
        async with asyncio.timeout(READING):
            body = await request.read()
    except TimeoutError:
        raise RefusedRequestError(408, f"the body did not come within {READING:.0f} seconds") from None
    try:
        given = json.loads(body or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise RefusedRequestError(400, f"the body is not JSON: {why}") from None
    if not isinstance(given, dict):
        raise RefusedRequestError(400, 'the body must be a JSON object with the inputs, as in {"text": "…"}')
    return body, given


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _wants_stream(request: web.Request) -> bool:
    accepts = request.headers.get("Accept", "")
    return "stream" in request.query or "text/event-stream" in accepts


def _ended(run: Run) -> web.Response:
    end = run.end
    assert end is not None
    status = 200 if end.complete else _STATUS.get(end.status, 502)
    return web.Response(body=end.report, status=status, content_type=_TYPE)


async def _stream(request: web.Request, run: Run) -> web.StreamResponse:
    """Send the progress of a run as server-sent events, and at last its result."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    loop, version, told = asyncio.get_running_loop(), -1, 0.0
    # A client that takes nothing holds one event at most, and is left after a while.
    with suppress(ConnectionError, TimeoutError):
        while not await run.wait(EVERY):
            if version != run.progress.version:
                version, told = run.progress.version, loop.time()
                await _write(response, "progress", {"run": run.id, **run.progress.data(), "words": run.progress.words})
            elif loop.time() - told > ALIVE:
                told = loop.time()
                async with asyncio.timeout(STALLED):
                    await response.write(b": the run goes on\n\n")
        assert run.end is not None
        async with asyncio.timeout(STALLED):
            # JSON escapes line breaks, so that the data cannot end the event.
            await response.write(b"event: result\ndata: " + run.end.report + b"\n\n")
            await response.write_eof()
    return response


async def _write(response: web.StreamResponse, event: str, data: Mapping[str, Any]) -> None:
    async with asyncio.timeout(STALLED):
        await response.write(f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
