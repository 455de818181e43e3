"""Two servers that keep the beginnings of prompts: one with slots as llama.cpp has them, one with vLLM's blocks.

llama.cpp's server (tools/server of ggml-org/llama.cpp, `--slot-prompt-similarity`, 0.1) gives a request to the idle
slot whose last prompt shares the most with it, if that is more than a tenth of the prompt, and else to the idle slot
that was used the longest time ago. The slot reads only what is behind the shared beginning.

vLLM (docs.vllm.ai/en/latest/design/prefix_caching) keeps full blocks of 16 tokens under a hash of the block and of all
before it. Blocks that no request uses are evicted, the one that was used the longest time ago first.

A token has four characters. A server reads one prompt at a time, and writes answers side by side.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.usage import Usage

TOKEN = 4
BLOCK = 16 * TOKEN
SIMILAR = 0.1


def shared(one: str, other: str) -> int:
    """Return the length of the longest common beginning of two texts."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[:middle] == other[:middle]:
            least = middle
        else:
            most = middle - 1
    return least


class Cache(Protocol):
    """The memory of a server. ``room`` tells whether a request can run beside the others.

    ``begin`` returns a ticket for ``end``, and the number of characters that are kept already.
    """

    def room(self, prompt: str) -> bool: ...
    def begin(self, prompt: str) -> tuple[int, int]: ...
    def end(self, ticket: int) -> None: ...


class Slots:
    """The slots of llama.cpp."""

    def __init__(self, number: int) -> None:
        self.prompts = [""] * number
        self.used = [0] * number
        self.idle = set(range(number))
        self.clock = 0

    def room(self, prompt: str) -> bool:
        return bool(self.idle)

    def begin(self, prompt: str) -> tuple[int, int]:
        alike = {slot: shared(self.prompts[slot], prompt) for slot in sorted(self.idle)}
        slot = max(alike, key=lambda one: alike[one])
        if alike[slot] <= SIMILAR * len(prompt):
            slot = min(self.idle, key=lambda one: self.used[one])
        self.idle.discard(slot)
        self.prompts[slot] = prompt
        return slot, alike[slot]

    def end(self, ticket: int) -> None:
        self.clock += 1
        self.used[ticket] = self.clock
        self.idle.add(ticket)


class Blocks:
    """The blocks of vLLM: at most ``number`` are kept. Those of running requests stay."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.kept: OrderedDict[int, int] = OrderedDict()
        self.running: dict[int, list[int]] = {}
        self.in_use = 0
        self.count = 0

    def room(self, prompt: str) -> bool:
        wanted = sum(1 for key in self._keys(prompt) if not self.kept.get(key))
        return not self.running or self.in_use + wanted <= self.number

    def _keys(self, prompt: str) -> list[int]:
        keys, key = [], 0
        for at in range(0, len(prompt) - BLOCK + 1, BLOCK):
            key = hash((key, prompt[at : at + BLOCK]))
            keys.append(key)
        return keys

    def begin(self, prompt: str) -> tuple[int, int]:
        keys = self._keys(prompt)
        found = next((number for number, key in enumerate(keys) if key not in self.kept), len(keys))
        for key in keys:
            self.in_use += not self.kept.get(key)
            self.kept[key] = self.kept.get(key, 0) + 1
            self.kept.move_to_end(key)
        self.count += 1
        self.running[self.count] = keys
        self._evict()
        return self.count, found * BLOCK

    def end(self, ticket: int) -> None:
        # The end of a prompt is evicted before its beginning.
        for key in reversed(self.running.pop(ticket)):
            self.kept[key] -= 1
            self.in_use -= not self.kept[key]
            self.kept.move_to_end(key)
        self._evict()

    def _evict(self) -> None:
        for key in [key for key, uses in self.kept.items() if not uses]:
            if len(self.kept) <= self.number:
                break
            del self.kept[key]


@dataclass
class Machine:
    """A server: its cache, its pace in seconds, and what it has read. ``width`` requests run at once."""

    cache: Cache
    width: int
    read: float = 0.0005
    """The seconds for a token of a prompt."""
    write: float = 0.05
    """The seconds for an answer."""
    prompts: list[str] = field(default_factory=list)
    cached: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.width)
        self.reader, self.door, self.changed = asyncio.Lock(), asyncio.Lock(), asyncio.Event()

    @property
    def hits(self) -> float:
        """The share of all characters that were not read again."""
        return self.cached / max(1, self.total)

    async def answer(self, prompt: str) -> tuple[int, int]:
        """Read a prompt and write an answer. Return the tokens of the prompt, and those that were kept."""
        async with self.places:
            # The first to come is the first to run.
            async with self.door:
                while not self.cache.room(prompt):
                    self.changed.clear()
                    await self.changed.wait()
                ticket, kept = self.cache.begin(prompt)
            self.prompts.append(prompt)
            self.cached += kept
            self.total += len(prompt)
            try:
                async with self.reader:
                    await asyncio.sleep(self.read * (len(prompt) - kept) / TOKEN)
                await asyncio.sleep(self.write)
            finally:
                self.cache.end(ticket)
                self.changed.set()
        return len(prompt) // TOKEN, kept // TOKEN


def best_hits(cache: Cache, prompts: list[str]) -> float:
    """Return the share of characters that a server keeps if it reads all prompts one by one in their best order."""
    kept = 0
    for prompt in sorted(prompts):
        ticket, found = cache.begin(prompt)
        kept += found
        cache.end(ticket)
    return kept / max(1, sum(map(len, prompts)))


class OnMachine:
    """A provider that asks a machine in the same process, for virtual time. ``keeps`` tells flowrun that it keeps."""

    samples = 1

    def __init__(self, machine: Machine, *, keeps: bool = True, model: str = "m", endpoint: str = "here") -> None:
        self.machine = machine
        self.model = model
        self.endpoint = endpoint
        self.concurrency = machine.width
        self.keeps_prompts = keeps
        self.open = 0
        self.calls: list[Request] = []
        self.fails: Callable[[Request, int], Exception | None] = lambda request, number: None

    async def start(self) -> None:
        pass

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self.calls.append(request)
        self.open += 1
        try:
            if (error := self.fails(request, len(self.calls))) is not None:
                raise error
            prompt = "\n".join(message.text for message in request.messages)
            read, _ = await self.machine.answer(prompt)
            return Reply((Answer(f"A {prompt[-40:]}"),), Usage(read, 3))
        finally:
            self.open -= 1

    async def close(self) -> None:
        pass


@contextmanager
def serving(make: Callable[[], Machine]) -> Iterator[tuple[str, Machine]]:
    """Serve chat completions on loopback. Yield the base URL and the machine."""
    loop = asyncio.new_event_loop()

    async def start() -> tuple[int, Machine, web.AppRunner]:
        machine = make()

        async def chat(request: web.Request) -> web.Response:
            body: dict[str, Any] = await request.json()
            prompt = "\n".join(str(one["content"]) for one in body["messages"])
            read, kept = await machine.answer(prompt)
            usage = {
                "prompt_tokens": read,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": kept},
            }
            choice = {"index": 0, "message": {"content": f"A {prompt[-40:]}"}, "finish_reason": "stop"}
            return web.json_response({"id": "x", "model": "m", "choices": [choice], "usage": usage})

        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        return int(runner.addresses[0][1]), machine, runner

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port, machine, runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{port}/v1", machine
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
