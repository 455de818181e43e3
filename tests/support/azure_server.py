"""A stand-in for Azure OpenAI on loopback. It wants its key in its own header, and answers in Azure's forms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .loopback import served

KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
Json = dict[str, Any]
_SAFE = {"hate": {"filtered": False, "severity": "safe"}}
_CUT = {"violence": {"filtered": True, "severity": "medium"}}


@dataclass
class AzureServer:
    """``replies`` are taken in order, and the last one stays: a status with an object, and whether it is streamed."""

    replies: list[Any] = field(default_factory=list)
    key: str = KEY
    seen: list[tuple[str, Json, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[AzureServer]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with served(app) as self.url:
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.raw_path, await request.json(), request.headers.copy()))
        given = request.headers.get("api-key", "")
        if given != self.key and "Authorization" not in request.headers:
            said = f"Access denied due to invalid subscription key ({given}) or wrong API endpoint."
            return web.json_response({"error": {"code": "401", "message": said}}, status=401)
        status, data, *streamed = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        headers = {"apim-request-id": f"id-{len(self.seen)}"}
        if 300 <= status < 400:
            return web.Response(status=status, headers={"Location": data["location"]})
        if streamed == [True]:
            events = "".join(f"data: {json.dumps(one)}\n\n" for one in _events(data)) + "data: [DONE]\n\n"
            return web.Response(text=events, content_type="text/event-stream", headers=headers)
        return web.json_response(data, status=status, headers=headers)


def _events(data: Json) -> list[Json]:
    """The events of a stream with this answer. The first one tells of the prompt, and has no choices."""
    first = {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}]}
    (choice,) = data["choices"]
    text, reason = choice["message"]["content"], choice["finish_reason"]
    delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "content_filter_results": _SAFE}
    last = {"index": 0, "delta": {}, "finish_reason": reason, "content_filter_results": _CUT}
    return [first, {"choices": [delta]}, {"choices": [last]}, {"choices": [], "usage": data["usage"]}]


def blocked() -> Json:
    """The body of the 400 for a prompt that the content filter blocks."""
    said = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _CUT}
    error = {"message": said, "type": None, "param": "prompt", "code": "content_filter", "status": 400}
    return {"error": {**error, "innererror": inner}}


def filtered(text: str) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "content_filter"}
    return {
        "choices": [{**choice, "content_filter_results": _CUT}],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }
