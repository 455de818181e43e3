"""The server of `limits.py`, in a process of its own: it serves so many at once, is down for a while, counts by time.

    python benchmarks/limit_server.py '{"seconds": 0.2, "steps": [[0, 50], [12, 5]]}'

It prints its port, and when a line comes in the times of all that it served and sent away, from the first request on.

``steps``: from a time on so many at once, beyond which it is 429. ``down``: from, to, and a status, or "reset".
``window``: seconds, and how many it serves in each. ``after``: from a time on 429 with so long a Retry-After.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from typing import Any

from aiohttp import web

REPLY = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}
Refusal = tuple[int | str, dict[str, str]]


class Server:
    def __init__(self, script: dict[str, Any]) -> None:
        self.script = script
        self.began = 0.0
        self.flying = 0
        self.served: list[float] = []
        self.refused: list[float] = []
        self.windows: dict[int, int] = {}

    def refusal(self, now: float) -> Refusal | None:
        script = self.script
        if "down" in script:
            begin, end, status = script["down"]
            if begin <= now < end:
                return status, {}
        if "after" in script and now >= script["after"][0]:
            return 429, {"Retry-After": str(script["after"][1])}
        if "steps" in script:
            capacity = [size for begin, size in script["steps"] if now >= begin][-1]
            if self.flying >= capacity:
                return 429, {}
        if "window" in script:
            long, most = script["window"]
            if self.windows.get(int(now / long), 0) >= most:
                return 429, {}
            self.windows[int(now / long)] = self.windows.get(int(now / long), 0) + 1
        return None

    async def complete(self, request: web.Request) -> web.Response:
        await request.read()
        self.began = self.began or time.monotonic()
        refusal = self.refusal(time.monotonic() - self.began)
        if refusal is None:
            self.flying += 1
            await asyncio.sleep(self.script["seconds"])
            self.flying -= 1
            self.served.append(time.monotonic() - self.began)
            return web.json_response(REPLY)
        self.refused.append(time.monotonic() - self.began)
        status, headers = refusal
        if isinstance(status, int):
            return web.json_response({"error": {"message": "not now"}}, status=status, headers=headers)
        assert request.transport is not None
        # SO_LINGER 0 makes the close a reset.
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response()


async def serve(script: dict[str, Any]) -> None:
    server = Server(script)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps({"served": server.served, "refused": server.refused}), flush=True)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
