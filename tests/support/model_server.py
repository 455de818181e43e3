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
    ended: Callable[[], object] | None = None,
) -> None:
    """Serve until ``ended`` returns, or until the input ends. ``tell`` gets the port."""
    from aiohttp import web

    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    dice = random.Random(1)

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
    await asyncio.get_running_loop().run_in_executor(None, ended or sys.stdin.read)
    await runner.cleanup()


@dataclass
class Served:
    """A running server, and its log."""

    url: str
    log: Path
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
    try:
        yield Served(f"http://127.0.0.1:{ours.recv()}/v1", log)
    finally:
        ours.close()
        server.join()
        server.close()


def _serve(log: Path, seconds: float, refuse: float, connection: Connection) -> None:
    def ended() -> None:
        with suppress(EOFError, ConnectionError):
            connection.recv()

    asyncio.run(serve(log, seconds, refuse, tell=connection.send, ended=ended))


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
