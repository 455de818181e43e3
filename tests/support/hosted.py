"""Hosted providers that talk to a server of the test, and the bodies of the answers that each of them documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.hosted import ServedProvider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Answer, Message, Reply, Request

LIST = {"type": "array", "items": {"type": "string"}}
HELLO = (Message("system", "be brief"), Message("user", "hello"))
LINES: list[str] = []
"""The lines of progress from the providers that were opened last."""


def opening(url: str) -> Callable[[str], Provider]:
    environ = {
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "ak",
        "GOOGLE_GEMINI_BASE_URL": f"{url}/",
        "GEMINI_API_KEY": "gk",
    }
    LINES.clear()
    return lambda name: open_provider(f"{name}:m", Surroundings(environ, LINES.append))


async def ask(provider: Provider, samples: int = 1, **parameters: Any) -> tuple[Answer, ...]:
    return (await provider.complete(Request(HELLO, **parameters), samples)).answers


def chat(*texts: str | None, reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    choices = [{"message": {"content": text, **message}, "finish_reason": reason} for text in texts]
    return {"choices": choices, "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


def claude(text: str, reason: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 4, "cache_read_input_tokens": 3, "output_tokens": 3}
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]
    return {"content": blocks, "stop_reason": reason, "usage": usage}


def google(*texts: str, reason: str = "STOP") -> dict[str, Any]:
    parts = [[{"text": "hm", "thought": True}, {"text": text}] for text in texts]
    candidates = [{"content": {"parts": part}, "finishReason": reason} for part in parts]
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 1, "thoughtsTokenCount": 2}
    return {"candidates": candidates, "usageMetadata": usage}


def rejection(message: str, param: str | None = None, status: int = 400) -> tuple[dict[str, Any], int]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}, status


async def checked(one: Provider) -> None:
    """Do what a run does before it sends anything."""
    assert isinstance(one, ServedProvider)
    await one.check_access()


async def replied(one: Provider, **parameters: Any) -> Reply:
    """Put one question to a provider, and close it."""
    try:
        return await one.complete(Request(HELLO, **parameters), 1)
    finally:
        await one.close()
