"""A server of each API that refuses or leaves out parts of a request, as the check of an endpoint meets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

Body = dict[str, Any]
RED = '{"answer": "red"}'


def chat_parts(body: Body) -> dict[str, bool]:
    return {
        "n": body.get("n", 1) > 1,
        "json_schema": "response_format" in body,
        "stream": "stream" in body,
        "usage": "stream_options" in body,
        "seed": "seed" in body,
        "logprobs": "logprobs" in body,
        "max_tokens": "max_tokens" in body,
    }


SENTENCES = {
    "n": "'n' must be 1",
    "json_schema": "response_format is not supported",
    "stream": "Unsupported parameter: stream",
    "usage": "Unrecognized request argument: stream_options",
    "seed": "Unsupported parameter: 'seed'",
    "logprobs": "logprobs are not available for this model",
    "max_tokens": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
}


def chat_server(
    refuses: Iterable[str] = (), ignores: Iterable[str] = (), *, says: str = ""
) -> Callable[[web.Request], Any]:
    """Return a handler of Chat Completions. ``says`` is the sentence of all refusals, if it names no part."""
    refused, ignored = [*refuses], [*ignores]

    async def handle(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        parts = chat_parts(body)
        for part in refused:
            if parts[part]:
                return web.json_response({"error": {"message": says or SENTENCES[part]}}, status=400)
        has = {part for part, there in parts.items() if there and part not in ignored}
        text = RED if "json_schema" in has else "Hello"
        logprobs = {"content": [{"token": "H", "logprob": -0.1}]} if "logprobs" in has else None
        usage = {"prompt_tokens": 12, "completion_tokens": 4}
        places = range(2 if "n" in has else 1)
        if "stream" not in has:
            message = {"role": "assistant", "content": text}
            choices = [
                {"index": at, "message": message, "finish_reason": "stop", "logprobs": logprobs} for at in places
            ]
            return web.json_response({"choices": choices} | ({} if "usage" in ignored else {"usage": usage}))
        events: list[Body] = []
        for at in places:
            for piece in (text[:3], text[3:]):
                choice = {"index": at, "delta": {"content": piece}, "finish_reason": None, "logprobs": logprobs}
                events.append({"choices": [choice]})
            events.append({"choices": [{"index": at, "delta": {}, "finish_reason": "stop"}]})
        if "usage" in has:
            events.append({"choices": [], "usage": usage})
        return events_of(events, done=True)

    return handle


def events_of(events: Iterable[Body], *, done: bool = False) -> web.Response:
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")
    return web.Response(text=text, content_type="text/event-stream")


async def messages_server(request: web.Request) -> web.StreamResponse:
    body = json.loads(await request.read())
    text = RED if "output_config" in body else "Hello"
    assert body["stream"]
    return events_of(
        [
            {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
        ]
    )


async def generate_server(request: web.Request) -> web.StreamResponse:
    body = json.loads(await request.read())
    assert request.path == "/v1beta/models/g:streamGenerateContent"
    config = body["generationConfig"]
    if "candidateCount" in config:
        said = {"message": "Multiple candidates is not enabled for this model", "status": "INVALID_ARGUMENT"}
        return web.json_response({"error": said}, status=400)
    candidate = {"content": {"parts": [{"text": RED}]}, "finishReason": "STOP", "logprobsResult": {"a": 1}}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3}
    return events_of([{"candidates": [candidate], "usageMetadata": usage}])
