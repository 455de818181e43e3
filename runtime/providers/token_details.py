"""The special tokens in the usage of a reply, by the field names of each API."""

from __future__ import annotations

from typing import Any

from ..vocabulary.usage import TokenDetail

_TOTALS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def chat_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of Chat Completions (platform.openai.com/docs/api-reference/chat/object, "usage").

    OpenRouter also names those written to the cache ("Usage Accounting"). DeepSeek ("Context Caching") and Moonshot
    name the cached ones beside the totals. LiteLLM passes Anthropic's names through.
    """
    if not isinstance(usage, dict) or usage.keys() <= _TOTALS:
        return None
    prompt, answer = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return _detail(
        _first(
            (prompt, "cached_tokens"),
            (usage, "prompt_cache_hit_tokens"),
            (usage, "cached_tokens"),
            (usage, "cache_read_input_tokens"),
        ),
        _first((prompt, "cache_write_tokens"), (usage, "cache_creation_input_tokens")),
        _first((answer, "reasoning_tokens"), (usage, "reasoning_tokens")),
    )


def messages_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of Messages (platform.claude.com/docs/en/api/messages, "usage").

    ``input_tokens`` counts neither those read from the cache nor those written to it.
    """
    if not isinstance(usage, dict):
        return None
    return _detail(
        _first((usage, "cache_read_input_tokens")),
        _first((usage, "cache_creation_input_tokens")),
        _first((usage.get("output_tokens_details"), "thinking_tokens")),
    )


def generate_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of generateContent (ai.google.dev/api/generate-content, "UsageMetadata").

    ``promptTokenCount`` counts the cached ones too, and ``candidatesTokenCount`` does not count the thoughts.
    """
    if not isinstance(usage, dict):
        return None
    return _detail(_first((usage, "cachedContentTokenCount")), None, _first((usage, "thoughtsTokenCount")))


def converse_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of Converse (docs.aws.amazon.com/bedrock/latest/APIReference, "TokenUsage").

    ``inputTokens`` counts neither those read from the cache nor those written to it.
    """
    if not isinstance(usage, dict):
        return None
    return _detail(_first((usage, "cacheReadInputTokens")), _first((usage, "cacheWriteInputTokens")), None)


def _first(*places: tuple[Any, str]) -> int | None:
    """Return the first count that an object has under its name. A count is a whole number of 0 or more."""
    for holder, name in places:
        if isinstance(holder, dict) and type(value := holder.get(name)) is int and value >= 0:
            return value
    return None


def _detail(cached: int | None, stored: int | None, reasoning: int | None) -> TokenDetail | None:
    return None if cached is stored is reasoning is None else TokenDetail(cached, stored, reasoning)
