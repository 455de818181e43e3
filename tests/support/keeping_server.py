"""A server for Anthropic's Messages that keeps prompts up to their breakpoints, and bills as Anthropic does.

It follows platform.claude.com/docs/en/build-with-claude/prompt-caching: a head is kept from the moment in which the
answer begins, and looked for at each breakpoint and at up to 20 blocks before it. A token has four characters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .loopback import LARGE, served_aside

LOOKED_BACK = 20
MOST_BREAKPOINTS = 4


@dataclass(frozen=True)
class Bill:
    """The tokens of one request: read anew, read from the cache, written to it, and those of the answer."""

    plain: float
    cached: float
    stored: float
    prompt: str = ""
    key: str = ""
    marked: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def total(self) -> float:
        return self.plain + self.cached + self.stored

    @property
    def cost(self) -> float:
        """The price of the prompt, in input tokens."""
        return self.plain + 0.1 * self.cached + 1.25 * self.stored


@dataclass
class Keeping:
    """A running server, and its bills."""

    least: int
    url: str = ""
    bills: list[Bill] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    """The times at which answers had their last word."""
    kept: set[str] = field(default_factory=set)
    faults: list[int] = field(default_factory=list)
    """The statuses with which the next requests are refused."""
    refuses_marks: bool = False
    forgets: bool = False
    thinks: float = 0.0
    """The seconds between the beginning of an answer and its first word."""

    @property
    def cost(self) -> float:
        return sum(bill.cost for bill in self.bills)

    @property
    def cost_without(self) -> float:
        return sum(bill.total for bill in self.bills)

    def full_reads(self, tokens: float) -> float:
        """Count how often a head of so many tokens was read or written in full."""
        return sum(1 for bill in self.bills if bill.plain + bill.stored >= tokens)

    def bill(self, body: dict[str, Any], key: str) -> tuple[Bill, set[str]]:
        """Make the bill of a request. The second value are the heads that the server keeps from its answer on."""
        blocks = list(_blocks(body))
        marks = [number for number, (_, _, mark) in enumerate(blocks) if mark]
        assert len(marks) <= MOST_BREAKPOINTS, "too many breakpoints"
        digest = hashlib.sha256(json.dumps([body["model"], body.get("output_config"), body.get("tools")]).encode())
        heads: list[str] = []
        sizes: list[float] = []
        size = 0.0
        for role, text, _ in blocks:
            assert text.strip(), "a block without words"
            digest.update(f"\0{role}".encode() if not heads or role != blocks[len(heads) - 1][0] else b"")
            digest.update(text.encode())
            heads.append(digest.hexdigest())
            size += len(text) / 4
            sizes.append(size)
        cached = 0.0
        for mark in reversed(marks):
            for at in range(mark, max(-1, mark - LOOKED_BACK), -1):
                if heads[at] in self.kept:
                    cached = max(cached, sizes[at])
                    break
        last = max((sizes[mark] for mark in marks if sizes[mark] >= self.least), default=0.0)
        stored = max(0.0, last - cached)
        prompt = "".join(text for _, text, _ in blocks)
        bill = Bill(size - cached - stored, cached, stored, prompt, key, bool(marks))
        return bill, {heads[mark] for mark in marks if sizes[mark] >= self.least}


def _blocks(body: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    parts = [("system", body["system"])] if "system" in body else []
    parts += [(message["role"], message["content"]) for message in body["messages"]]
    for role, content in parts:
        blocks: list[dict[str, Any]] = [{"text": content}] if isinstance(content, str) else content
        for block in blocks:
            text = block["text"] if "text" in block else "IMAGE" * 1000 + block["source"]["data"]
            yield role, text, "cache_control" in block


Answer = Callable[[str, dict[str, Any]], str]


def fitting(schema: dict[str, Any], pick: int, defs: dict[str, Any] | None = None) -> Any:
    """Make a value that fits a schema."""
    defs = schema.get("$defs", {}) if defs is None else defs
    if "$ref" in schema:
        return fitting(defs[schema["$ref"].rpartition("/")[2]], pick, defs)
    if "enum" in schema:
        return schema["enum"][pick % len(schema["enum"])]
    if "const" in schema:
        return schema["const"]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return fitting(options[0], pick, defs)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: fitting(one, pick, defs) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [fitting(schema.get("items", {}), pick + number, defs) for number in range(schema.get("minItems", 2))]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"boolean": pick % 2 == 0, "null": None}.get(str(kind), f"words {pick}")


def answer_of(prompt: str, body: dict[str, Any]) -> str:
    """Answer by the schema that the request asks for, or in words."""
    pick = int(hashlib.sha256(prompt.encode()).hexdigest()[:6], 16)
    form = body.get("output_config")
    return f"words {pick}" if form is None else json.dumps(fitting(form["format"]["schema"], pick))


@contextmanager
def keeping(least: int = 1024, seconds: float = 0.05, answer: Answer = answer_of) -> Iterator[Keeping]:
    """Serve Messages on loopback. An answer begins after ``seconds``, and ends after as many more."""
    state = Keeping(least)

    async def messages(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if state.faults:
            status = state.faults.pop(0)
            return web.json_response({"error": {"type": "overloaded_error", "message": "busy"}}, status=status)
        bill, heads = state.bill(body, request.headers.get("Idempotency-Key", ""))
        if state.refuses_marks and bill.marked:
            said = "messages.0.content.0.cache_control: Extra inputs are not permitted"
            return web.json_response({"error": {"type": "invalid_request_error", "message": said}}, status=400)
        state.bills.append(bill)
        await asyncio.sleep(seconds)
        state.kept |= set() if state.forgets else heads
        text = answer(bill.prompt, body)
        usage = {
            "input_tokens": round(bill.plain),
            "cache_read_input_tokens": round(bill.cached),
            "cache_creation_input_tokens": round(bill.stored),
            "output_tokens": 3,
        }
        if not body.get("stream"):
            await asyncio.sleep(state.thinks + seconds)
            content = [{"type": "text", "text": text}]
            return web.json_response({"content": content, "stop_reason": "end_turn", "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {"model": body["model"], "id": "m", "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
            {"type": "message_stop"},
        ]
        for event in events:
            if event["type"] == "content_block_start":
                await asyncio.sleep(state.thinks)
            if event["type"] == "message_delta":
                await asyncio.sleep(seconds)
            if event["type"] == "message_stop":
                state.ends.append(time.monotonic())
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return response

    app = web.Application(client_max_size=LARGE)
    app.router.add_post("/v1/messages", messages)
    with served_aside(app) as state.url:
        yield state
