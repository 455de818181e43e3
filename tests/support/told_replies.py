"""Replies as the APIs document them, with all that they tell besides the answer, and what flowrun reads from them."""

from __future__ import annotations

import json
from typing import Any

from flowrun.runtime.vocabulary.receipt import Receipt
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage

KEY = "sk-proj-9fK2mQx7RtY4vB8nW3zL6cJ1"
CHAT_USAGE: dict[str, Any] = {
    "prompt_tokens": 40,
    "completion_tokens": 20,
    "total_tokens": 60,
    "prompt_tokens_details": {"cached_tokens": 32, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 12, "accepted_prediction_tokens": 0},
}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "model": "m-2026-03-17",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": CHAT_USAGE,
}
CLAUDE_USAGE: dict[str, Any] = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 10,
    "cache_read_input_tokens": 25,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 12},
}
CLAUDE: dict[str, Any] = {
    "id": "msg_7",
    "type": "message",
    "model": "m-20260301",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": CLAUDE_USAGE,
}
GOOGLE: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 40,
        "cachedContentTokenCount": 32,
        "candidatesTokenCount": 8,
        "thoughtsTokenCount": 12,
        "totalTokenCount": 60,
    },
    "modelVersion": "m-001",
    "responseId": "re-7",
}
BODIES: dict[str, dict[str, Any]] = {"openai": CHAT, "anthropic": CLAUDE, "gemini": GOOGLE}
TOLD = {
    "openai": (Usage(40, 20), TokenDetail(32, None, 12), Receipt("m-2026-03-17", "chatcmpl-7")),
    "anthropic": (Usage(40, 20), TokenDetail(25, 10, 12), Receipt("m-20260301", "msg_7")),
    "gemini": (Usage(40, 20), TokenDetail(32, None, 12), Receipt("m-001", "re-7")),
}


def events(*data: dict[str, Any], last: str = "") -> bytes:
    return "".join(f"data: {json.dumps(one)}\n\n" for one in data).encode() + last.encode()


def streamed(name: str) -> bytes:
    """Write the reply of a provider as the events of its stream."""
    if name == "openai":
        chunk = {"id": "chatcmpl-7", "model": "m-2026-03-17"}
        delta = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
        over = {"index": 0, "delta": {}, "finish_reason": "stop"}
        parts = ({**chunk, "choices": [delta]}, {**chunk, "choices": [over]})
        return events(*parts, {**chunk, "choices": [], "usage": CHAT_USAGE}, last="data: [DONE]\n\n")
    if name == "anthropic":
        first = {**CLAUDE_USAGE, "output_tokens": 1}
        # The last event repeats the counts of the prompt as null, or as 0 through some gateways.
        last = {"input_tokens": None, "cache_read_input_tokens": 0, "cache_creation_input_tokens": None}
        return events(
            {"type": "message_start", "message": {**CLAUDE, "content": [], "stop_reason": None, "usage": first}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {**last, "output_tokens": 20, "output_tokens_details": {"thinking_tokens": 12}},
            },
            {"type": "message_stop"},
        )
    return events(GOOGLE)


def environment(url: str, key: str) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": key,
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": key,
    }
