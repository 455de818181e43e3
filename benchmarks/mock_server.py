"""A model server that answers at once, or after the time that its prompt names: `s=0.2`, or `s=tail` for a random one.

    python benchmarks/mock_server.py

It prints its port, and ends when its standard input does. It speaks just as much of HTTP as clients need here, so that
it takes less of the machine than what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MEDIAN, SIGMA = 0.2, 0.99
"""Seconds of a log-normal time: median 200 ms, p99 2 s."""
_SECONDS = re.compile(rb"s=(tail|\d+(?:\.\d+)?)")
_SAMPLES = re.compile(rb'"n": ?(\d+)')
_LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
_CHOICE = b'{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}'


def reply(choices: int) -> bytes:
    usage = b'{"prompt_tokens":5,"completion_tokens":%d}' % choices
    body = b'{"choices":[' + b",".join([_CHOICE] * choices) + b'],"usage":' + usage + b"}"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


class Mock(asyncio.Protocol):
    draw = random.Random(1)

    def __init__(self) -> None:
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
            samples = _SAMPLES.search(body)
            answer = reply(int(samples[1]) if samples else 1)
            if seconds := self.seconds(body):
                asyncio.get_running_loop().call_later(seconds, self.transport.write, answer)
            else:
                self.transport.write(answer)

    def seconds(self, body: bytes) -> float:
        found = _SECONDS.search(body)
        if found is None:
            return 0.0
        return MEDIAN * self.draw.lognormvariate(0, SIGMA) if found[1] == b"tail" else float(found[1])


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Mock, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.stdin.close()


if __name__ == "__main__":
    import gc

    gc.set_threshold(100_000, 20, 10)
    asyncio.run(serve())
