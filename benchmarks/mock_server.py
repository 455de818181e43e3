"""A model server that answers at once, or after the time that its prompt names: `s=0.2`, or `s=tail` for a random one.

    python benchmarks/mock_server.py ['{"rpm": 10000, "steps": [[0, 50], [12, 5]], "queue": true}']

It prints its port. For each line that it reads it prints an account of what it has served and refused since the last
one. It ends when its standard input does. It speaks just as much of HTTP as clients need here, so that it takes less of
the machine than what is measured. `Script` lists what it can be told. Times count from the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import re
import resource
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEDIAN, SIGMA = 0.2, 0.99
"""Seconds of a log-normal time: median 200 ms, p99 2 s."""
_SECONDS = re.compile(rb"s=(tail|\d+(?:\.\d+)?)")
_SAMPLES = re.compile(rb'"n": ?(\d+)')
_LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
_CHOICE = b'{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}'
_LINGER = struct.pack("ii", 1, 0)
_ENDLESS = 1 << 30


@dataclass(frozen=True)
class Script:
    """The behaviour of a server.

    ``seconds`` is the time of an answer whose prompt names none. ``steps`` are pairs of a time and of the number of
    requests that the server takes at once from then on; it refuses the others with 429, or lets them wait in a queue if
    ``queue`` is True. ``rpm`` is a bucket of so many requests, which fills up within a minute; an empty bucket refuses.
    ``headers`` says what the rate headers tell: "rate" for the bucket, "places" for the places that are free, "" for
    none. ``down`` is an outage: from, to, and a status or "reset". ``window`` is a number of seconds, and how many
    requests the server takes in each. ``after``: from a time on, 429 with a Retry-After of so many seconds.
    ``letters`` is the length of an answer; 0 for "yes".
    """

    port: int = 0
    seconds: float = 0.0
    steps: Sequence[tuple[float, int]] = ()
    queue: bool = False
    rpm: int = 0
    headers: str = ""
    down: tuple[float, float, int | str] | None = None
    window: tuple[float, int] | None = None
    after: tuple[float, float] | None = None
    letters: int = 0


@dataclass
class Account:
    """The times at which requests were served and refused, and the most requests that the server had at once."""

    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    most: int = 0

    @property
    def share(self) -> float:
        """The part of all requests that was refused."""
        return len(self.refused) / max(1, len(self.served) + len(self.refused))


def body_of(choices: int, text: bytes = b"yes") -> bytes:
    usage = b'{"prompt_tokens":5,"completion_tokens":%d}' % choices
    return b'{"choices":[' + b",".join([_CHOICE % text] * choices) + b'],"usage":' + usage + b"}"


def http(status: int, body: bytes, headers: bytes = b"") -> bytes:
    reason = b"OK" if status == 200 else b"Refused"
    kind = b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 %d %s" % (status, reason) + kind + headers + b"\r\n" + body


class Server:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.loop = asyncio.get_running_loop()
        self.account = Account()
        self.open = 0
        self._draw = random.Random(1)
        self._began: float | None = None
        self._queue: deque[tuple[Connection, bytes]] = deque()
        self._windows: dict[int, int] = {}
        self._bucket, self._filled_at = float(script.rpm), 0.0
        self._text = b"word " * (script.letters // 5) or b"yes"
        self._plain = http(200, body_of(1))
        self._scripted = script != Script()

    def take_account(self) -> Account:
        """Return what has happened since the last account. The time begins anew with the next request."""
        taken, self.account, self._began = self.account, Account(), None
        self._bucket, self._filled_at = float(self.script.rpm), 0.0
        return taken

    def arrived(self, connection: Connection, body: bytes) -> None:
        if not self._scripted:
            self._begin(connection, body)
            return
        now = self._now()
        self.account.most = max(self.account.most, self.open + len(self._queue) + 1)
        refusal = self._refusal(now)
        if refusal is not None:
            self.account.refused.append(now)
            connection.refuse(*refusal, self._rates())
        elif self.open >= self._capacity(now):
            self._queue.append((connection, body))
        else:
            self._begin(connection, body)

    def _now(self) -> float:
        time = self.loop.time()
        if self._began is None:
            self._began = time
        return time - self._began

    def _capacity(self, now: float) -> int:
        return next((size for begin, size in reversed(self.script.steps) if now >= begin), _ENDLESS)

    def _refusal(self, now: float) -> tuple[int | str, bytes] | None:
        """Return the status of a refusal and its headers. None, if the request is taken."""
        script = self.script
        if script.down and script.down[0] <= now < script.down[1]:
            return script.down[2], b""
        if script.after and now >= script.after[0]:
            return 429, b"Retry-After: %d\r\n" % script.after[1]
        if not script.queue and self.open >= self._capacity(now):
            return 429, b""
        if script.window:
            number = int(now / script.window[0])
            if self._windows.get(number, 0) >= script.window[1]:
                return 429, b""
            self._windows[number] = self._windows.get(number, 0) + 1
        if script.rpm:
            self._bucket = min(script.rpm, self._bucket + (now - self._filled_at) * script.rpm / 60)
            self._filled_at = now
            if self._bucket < 1:
                return 429, b""
            self._bucket -= 1
        return None

    def _begin(self, connection: Connection, body: bytes) -> None:
        self.open += 1
        if seconds := self._seconds(body):
            self.loop.call_later(seconds, self._finish, connection, body)
        else:
            self._finish(connection, body)

    def _finish(self, connection: Connection, body: bytes) -> None:
        self.open -= 1
        samples = _SAMPLES.search(body)
        if not self._scripted:
            connection.write(http(200, body_of(int(samples[1]))) if samples else self._plain)
            return
        now = self._now()
        self.account.served.append(now)
        connection.write(http(200, body_of(int(samples[1]) if samples else 1, self._text), self._rates()))
        while self._queue and self.open < self._capacity(now):
            self._begin(*self._queue.popleft())

    def _seconds(self, body: bytes) -> float:
        found = _SECONDS.search(body)
        if found is None:
            return self.script.seconds
        return MEDIAN * self._draw.lognormvariate(0, SIGMA) if found[1] == b"tail" else float(found[1])

    def _rates(self) -> bytes:
        if self.script.headers == "rate":
            limit, left = self.script.rpm, int(self._bucket)
            reset = (limit - self._bucket) * 60 / limit
        elif self.script.headers == "places":
            limit = self._capacity(self._now())
            left, reset = max(0, limit - self.open), self.script.seconds
        else:
            return b""
        rates = {"limit": f"{limit}", "remaining": f"{left}", "reset": f"{reset:.3f}s"}
        return "".join(f"x-ratelimit-{name}-requests: {value}\r\n" for name, value in rates.items()).encode()


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            self.server.arrived(self, body)

    def write(self, answer: bytes) -> None:
        # A client that asks twice breaks off the slower request.
        if not self.transport.is_closing():
            self.transport.write(answer)

    def refuse(self, status: int | str, headers: bytes, rates: bytes) -> None:
        if isinstance(status, int):
            self.write(http(status, b'{"error":{"message":"not now"}}', headers + rates))
            return
        # SO_LINGER 0 makes the close a reset.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.transport.abort()


def allow_all_descriptors() -> None:
    """Raise the soft limit of open files to the hard one, for a process that holds thousands of connections."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(script: Script) -> None:
    loop = asyncio.get_running_loop()
    model = Server(script)
    server = await loop.create_server(lambda: Connection(model), "127.0.0.1", script.port, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(vars(model.take_account())), flush=True)
    server.close()


@dataclass
class Running:
    """A server in a process of its own, and its address."""

    process: subprocess.Popen[str]
    base: str

    def account(self) -> Account:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Account(**json.loads(self.process.stdout.readline()))


@contextlib.contextmanager
def started(**script: Any) -> Iterator[Running]:
    """Run a server with this script in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), json.dumps(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield Running(process, f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
        finally:
            process.stdin.close()


@contextlib.contextmanager
def running(**script: Any) -> Iterator[str]:
    """The address of a server in a process of its own."""
    with started(**script) as server:
        yield server.base


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 10)
    allow_all_descriptors()
    asyncio.run(serve(Script(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
