"""A server on loopback that sends any given bytes, even such as a library for servers would not send."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class RawServer:
    """A server that answers each request with the next of ``replies`` (head and body), and closes; the last repeats."""

    url: str = ""
    replies: list[bytes] = field(default_factory=list)
    asked: int = 0

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): headers[name] for name in headers}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close"])
        self.replies.append(head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            reply = self.replies[min(self.asked, len(self.replies) - 1)]
            self.asked += 1
            writer.write(reply)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    server = RawServer()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    listening.close()
    await listening.wait_closed()
