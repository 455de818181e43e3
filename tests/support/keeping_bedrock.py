"""A server for Converse and ConverseStream that keeps prompts up to their cache points, and bills as Bedrock does.

It counts as the server of Messages does, whose blocks it makes of those of Converse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from .bedrock_server import event
from .keeping_server import Keeping
from .loopback import LARGE, served_aside

TOKEN = "bedrock-planted-0123456789-token"


def as_messages(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Write a body of Converse as one of Messages."""
    found: dict[str, Any] = {"model": model, "messages": []}
    if "system" in body:
        found["system"] = _blocks(body["system"])
    for message in body["messages"]:
        found["messages"].append({"role": message["role"], "content": _blocks(message["content"])})
    return found


def _blocks(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for block in content:
        if "cachePoint" in block:
            assert block == {"cachePoint": {"type": "default"}} and blocks
            blocks[-1]["cache_control"] = True
        elif "image" in block:
            blocks.append({"source": {"data": block["image"]["source"]["bytes"]}})
        else:
            blocks.append({"text": block["text"]})
    return blocks


@contextmanager
def keeping_bedrock(least: int = 1024, seconds: float = 0.05) -> Iterator[Keeping]:
    """Serve Converse on loopback. An answer begins after ``seconds``, and ends after as many more."""
    state = Keeping(least)

    async def converse(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        bill, heads = state.bill(as_messages(request.match_info["model"], await request.json()), "")
        state.bills.append(bill)
        await asyncio.sleep(seconds)
        state.kept |= heads
        usage = {
            "inputTokens": round(bill.plain),
            "outputTokens": 3,
            "totalTokens": round(bill.total) + 3,
            "cacheReadInputTokens": round(bill.cached),
            "cacheWriteInputTokens": round(bill.stored),
            "cacheDetails": [{"ttl": "5m", "inputTokens": round(bill.stored)}],
        }
        if request.match_info["verb"] == "converse":
            await asyncio.sleep(seconds)
            message = {"role": "assistant", "content": [{"text": "Noted."}]}
            return web.json_response({"output": {"message": message}, "stopReason": "end_turn", "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.amazon.eventstream"})
        await response.prepare(request)
        await response.write(event("messageStart", role="assistant"))
        await asyncio.sleep(seconds)
        for one in (
            event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Noted."}),
            event("contentBlockStop", contentBlockIndex=0),
            event("messageStop", stopReason="end_turn"),
            event("metadata", usage=usage, metrics={}),
        ):
            await response.write(one)
        return response

    app = web.Application(client_max_size=LARGE)
    app.router.add_post("/model/{model}/{verb:converse|converse-stream}", converse)
    with served_aside(app) as state.url:
        yield state
