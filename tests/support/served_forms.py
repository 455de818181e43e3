"""Servers of the three kinds that take, reject or ignore parts of a request, as a function of the request says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Message, Request

Json = Any
Serve = Callable[[dict[str, Json]], "tuple[Json, int]"]
LINES: list[str] = []
SMALL = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
LARGE: dict[str, Json] = {
    "type": "object",
    "properties": {f"f{number}": {"type": "string"} for number in range(30)},
    "required": [f"f{number}" for number in range(30)],
    "additionalProperties": False,
}


def environ(faults: Any) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{faults.url}/v1",
        "ANTHROPIC_BASE_URL": faults.url,
        "ANTHROPIC_API_KEY": "ak",
        "GOOGLE_GEMINI_BASE_URL": f"{faults.url}/",
        "GEMINI_API_KEY": "gk",
        "AZURE_OPENAI_ENDPOINT": faults.url,
        "GOOGLE_VERTEX_BASE_URL": faults.url,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": faults.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }


@asynccontextmanager
async def opened(faults: Any, name: str, serve: Serve) -> AsyncIterator[Provider]:
    answers(faults, serve)
    LINES.clear()
    provider = open_provider(f"{name}:m", Surroundings(environ(faults), LINES.append))
    yield provider
    await provider.close()


def answers(faults: Any, serve: Serve) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        data, status = serve(faults.seen[-1] | {"path": request.path})
        return web.json_response(data, status=status)

    faults.replies.append(reply)


def rejected(message: str, status: int = 400, **more: Json) -> tuple[Json, int]:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}, status


def chat(*texts: str, reason: str = "stop") -> tuple[Json, int]:
    choices = [{"message": {"content": text}, "finish_reason": reason} for text in texts]
    return {"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": len(texts)}}, 200


def claude(text: str, reason: str = "end_turn") -> tuple[Json, int]:
    block = {"type": "text", "text": text}
    return {"content": [block], "stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 1}}, 200


def google(*texts: str, reason: str = "STOP") -> tuple[Json, int]:
    return {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason} for text in texts]}, 200


def asks(text: str = "hello", **more: Json) -> Request:
    return Request((Message("user", text),), **more)


def forms(faults: Any) -> list[str | None]:
    return [seen.get("response_format", {}).get("type") for seen in faults.seen]
