"""A model's server in a process of its own. It logs everything that it does, so that tests can compare.

    python -m support.model_server LOG [--seconds 0.01] [--refuse 0.1]

It prints its port, serves Chat Completions on loopback, and ends when its input ends. Its answers depend on the prompt
alone. Each line of the log is JSON: ``asked`` when a request comes, then ``refused`` (429) or ``served`` when it has
its answer. A provider bills what is ``served``, even if the client does not live to read it. ``time`` is that of the
monotonic clock, which all processes share.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


def answer_to(body: dict[str, Any]) -> str:
    """Return the answer to a request, always the same: a choice, a number, or a word made from the prompt."""
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()
    form = body.get("response_format")
    if form is None:
        return digest[:12]
    answer = form["json_schema"]["schema"]["properties"]["answer"]
    options = answer["enum"] if "enum" in answer else range(answer["minimum"], answer["maximum"] + 1)
    return json.dumps({"answer": options[int(digest[:4], 16) % len(options)]})


async def serve(
    log: Path,
    seconds: float,
    refuse: float,
    host: str = "127.0.0.1",
    tell: Callable[[int], object] = lambda port: print(port, flush=True),
    most: Iterator[float] | None = None,
) -> None:
    """Serve until the input ends. ``tell`` gets the port.

    ``most`` stands for the input: it gives the most answers that may go out, again and again, and ends with the server.
    """
    from aiohttp import web

    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    dice, gate = random.Random(1), Gate()

    def note(at: str, request: web.Request, body: dict[str, Any], answers: int = 0) -> None:
        line = {
            "at": at,
            "time": time.monotonic(),
            "key": request.headers.get("Idempotency-Key", ""),
            "body": hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16],
            "answers": answers,
        }
        os.write(written, json.dumps(line).encode() + b"\n")

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        note("asked", request, body)
        await asyncio.sleep(seconds * dice.uniform(0.2, 1.8))
        if dice.random() < refuse:
            note("refused", request, body)
            return web.json_response({"error": {"message": "slower"}}, status=429, headers={"Retry-After": "0.05"})
        count = body.get("n", 1)
        await gate.enter(count)
        message = {"role": "assistant", "content": answer_to(body)}
        choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(count)]
        note("served", request, body, count)
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * count}
        return web.json_response({"choices": choices, "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    # A client that hangs up is billed too.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, backlog=1024)
    await site.start()
    tell(runner.addresses[0][1])
    loop = asyncio.get_running_loop()

    def listen() -> None:
        for one in most or ():
            loop.call_soon_threadsafe(gate.let, one)

    await loop.run_in_executor(None, listen if most is not None else sys.stdin.read)
    gate.let(math.inf)
    await runner.cleanup()


class Gate:
    """The number of answers that may go out. Others wait until it is raised."""

    def __init__(self) -> None:
        self._most, self._given = math.inf, 0
        self._raised = asyncio.Event()

    def let(self, most: float) -> None:
        self._most = most
        raised, self._raised = self._raised, asyncio.Event()
        raised.set()

    async def enter(self, answers: int) -> None:
        while self._given + answers > self._most:
            await self._raised.wait()
        self._given += answers


@dataclass
class Served:
    """A running server, and its log."""

    url: str
    log: Path
    let: Callable[[float], None] = lambda most: None
    """Sets the number of answers, counted from the start of the server, beyond which they wait."""
    _read: list[dict[str, Any]] = field(default_factory=list)
    _offset: int = 0

    def lines(self, start: int = 0) -> list[dict[str, Any]]:
        with self.log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._read.append(json.loads(line))
        return self._read[start:]

    def answers(self) -> int:
        """The number of billed answers."""
        return sum(line["answers"] for line in self.lines())

    def asked(self, start: int = 0) -> int:
        """The number of requests that came."""
        return sum(line["at"] == "asked" for line in self.lines(start))

    def hold(self, more: int = 0) -> None:
        """Give so many more answers, and let all others wait until `go_on`. No request is open meanwhile."""
        self.let(self.answers() + more)

    def go_on(self) -> None:
        self.let(math.inf)

    def billed_keys(self, start: int = 0) -> Counter[str]:
        """Count how often each Idempotency-Key was billed."""
        return Counter(line["key"] for line in self.lines(start) if line["at"] == "served")


@contextmanager
def model_server(log: Path, seconds: float = 0.01, refuse: float = 0.0) -> Iterator[Served]:
    """Start a server as a fork of a process that has the modules loaded, which takes a tenth of a start of Python."""
    from .processes import _context

    log.touch()
    ours, theirs = _context().Pipe()
    server = _context().Process(target=_serve, args=(log, seconds, refuse, theirs))
    server.start()
    theirs.close()

    def let(most: float) -> None:
        ours.send(most)
        ours.recv()

    try:
        yield Served(f"http://127.0.0.1:{ours.recv()}/v1", log, let)
    finally:
        ours.close()
        server.join()
        server.close()


def _serve(log: Path, seconds: float, refuse: float, connection: Connection) -> None:
    def most() -> Iterator[float]:
        with suppress(EOFError, ConnectionError):
            while True:
                yield connection.recv()
                connection.send("set")

    asyncio.run(serve(log, seconds, refuse, tell=connection.send, most=most()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--seconds", type=float, default=0.01)
    parser.add_argument("--refuse", type=float, default=0.0)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    asyncio.run(serve(options.log, options.seconds, options.refuse, options.host))


if __name__ == "__main__":
    main()
