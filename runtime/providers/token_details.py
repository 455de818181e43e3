"""The usage of a reply, by the field names of each API: tokens by class, and the service tier.

Each reader returns a prompt with all its tokens, also those from a cache, and an answer with all its reasoning.
"""

from __future__ import annotations

from typing import Any

from ..vocabulary.tariff import TIERS
from ..vocabulary.usage import TokenDetail, Usage
from .bodies import count

_TOTALS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_SOUND = "tokens of sound or video, whose price is not known"


def chat_usage(reply: Any) -> Usage:
    """Read the usage of Chat Completions (platform.openai.com/docs/api-reference/chat/object).

    xAI does not count the reasoning among ``completion_tokens`` (docs.x.ai, "Reasoning"): there the total tells it.
    """
    if not isinstance(reply, dict) or not isinstance(usage := reply.get("usage"), dict):
        return Usage()
    read, written = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    named = reply.get("service_tier") or usage.get("service_tier")
    tier = _tier(named) if named else ""
    if usage.keys() <= _TOTALS:
        return Usage(read, written, None, tier)
    detail = chat_detail(usage)
    thought = 0 if detail is None else detail.reasoning or 0
    if read is not None and written is not None and thought:
        written += thought if _first((usage, "total_tokens")) == read + written + thought else 0
    parts = ("prompt_tokens_details", "completion_tokens_details")
    heard = any(count(usage.get(part), "audio_tokens") for part in parts)
    return Usage(read, written, detail, tier, _SOUND if heard else "")


def chat_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of Chat Completions.

    OpenAI, Azure and OpenRouter ("Usage Accounting") also name those written to the cache. DeepSeek ("Context Caching")
    and Moonshot name the cached ones beside the totals. LiteLLM passes Anthropic's names through.
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
        _first((prompt, "image_tokens")),
    )


def messages_usage(reply: Any) -> Usage:
    """Read the usage of Messages (platform.claude.com/docs/en/api/messages, "usage").

    ``input_tokens`` counts neither those read from the cache nor those written to it.
    """
    if not isinstance(reply, dict) or not isinstance(usage := reply.get("usage"), dict):
        return Usage()
    read = count(usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Usage(read, count(usage, "output_tokens"), messages_detail(usage), _tier(usage.get("service_tier")))


def messages_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of Messages, those stored for an hour among them ("Prompt caching")."""
    if not isinstance(usage, dict):
        return None
    return _detail(
        _first((usage, "cache_read_input_tokens")),
        _first((usage, "cache_creation_input_tokens")),
        _first((usage.get("output_tokens_details"), "thinking_tokens")),
        None,
        _first((usage.get("cache_creation"), "ephemeral_1h_input_tokens")),
    )


def generate_usage(reply: Any) -> Usage:
    """Read the usage of generateContent (ai.google.dev/api/generate-content, "UsageMetadata").

    ``promptTokenCount`` counts the cached tokens too. ``candidatesTokenCount`` does not count the thoughts. The JSON of
    a protocol buffer leaves out a count of zero, so a missing count beside others is what the total leaves for it.
    """
    if not isinstance(reply, dict) or not isinstance(usage := reply.get("usageMetadata"), dict):
        return Usage()
    read, written = count(usage, "promptTokenCount"), count(usage, "candidatesTokenCount")
    thought, tool = count(usage, "thoughtsTokenCount") or 0, count(usage, "toolUsePromptTokenCount") or 0
    total = _first((usage, "totalTokenCount"))
    if not _refused(usage, "candidatesTokenCount") and written is None and (read is not None or total is not None):
        written = max(0, total - (read or 0) - thought - tool) if total is not None and read is not None else 0
    if not _refused(usage, "promptTokenCount") and read is None and total is not None and written is not None:
        read = max(0, total - written - thought - tool)
    return Usage(
        None if read is None else read + tool,
        None if written is None else written + thought,
        generate_detail(usage),
        _tier(usage.get("serviceTier") or usage.get("trafficType")),
        _SOUND if _of(usage, "promptTokensDetails", "AUDIO", "VIDEO") else "",
    )


def generate_detail(usage: Any) -> TokenDetail | None:
    """Read the special tokens of generateContent. ``images`` are those that were not read from the cache."""
    if not isinstance(usage, dict):
        return None
    seen = _of(usage, "promptTokensDetails", "IMAGE", "DOCUMENT")
    cached = _of(usage, "cacheTokensDetails", "IMAGE", "DOCUMENT")
    return _detail(
        _first((usage, "cachedContentTokenCount")),
        None,
        _first((usage, "thoughtsTokenCount")),
        max(0, seen - cached) or None,
    )


def converse_usage(reply: Any) -> Usage:
    """Read the usage of Converse (docs.aws.amazon.com/bedrock, "TokenUsage").

    ``inputTokens`` counts neither those read from the cache nor those written to it. ``cacheDetails`` tells how long
    the written ones are kept.
    """
    if not isinstance(reply, dict) or not isinstance(usage := reply.get("usage"), dict):
        return Usage()
    read = count(usage, "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    kept = [one for one in _dicts(usage.get("cacheDetails")) if one.get("ttl") == "1h"]
    detail = _detail(
        _first((usage, "cacheReadInputTokens")),
        _first((usage, "cacheWriteInputTokens")),
        None,
        None,
        sum(count(one, "inputTokens") or 0 for one in kept) if kept else None,
    )
    named = reply.get("serviceTier")
    tier = _tier(named.get("type") if isinstance(named, dict) else named)
    return Usage(read, count(usage, "outputTokens"), detail, tier)


def cumulated(known: Any, value: Any) -> Any:
    """Return a count of a stream's event, or the count before it if that is greater or the event has none."""
    if isinstance(known, dict) and isinstance(value, dict):
        return {name: cumulated(known.get(name), value.get(name)) for name in {**known, **value}}
    return known if value is None or (type(value) is type(known) is int and value < known) else value


def _tier(named: Any) -> str:
    """Return the service tier that a server names, if it has prices of its own. Google writes ``ON_DEMAND_FLEX``."""
    if not named:
        return ""
    word = named.lower().rpartition("_")[2] if isinstance(named, str) else ""
    return word if word in TIERS else ""


def _refused(usage: dict[str, Any], name: str) -> bool:
    """Tell whether a server names a count, but none that is a whole number of 0 or more."""
    return usage.get(name) is not None and count(usage, name) is None


def _of(usage: dict[str, Any], name: str, *modalities: str) -> int:
    """Return the tokens of some modalities in a list such as ``promptTokensDetails``."""
    return sum(count(one, "tokenCount") or 0 for one in _dicts(usage.get(name)) if one.get("modality") in modalities)


def _dicts(items: Any) -> list[dict[str, Any]]:
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def _first(*places: tuple[Any, str]) -> int | None:
    """Return the first count that an object has under its name. A count is a whole number of 0 or more."""
    for holder, name in places:
        if isinstance(holder, dict) and type(value := holder.get(name)) is int and value >= 0:
            return value
    return None


def _detail(*counts: int | None) -> TokenDetail | None:
    """Return the detail with these counts; None if it has none."""
    return None if all(one is None for one in counts) else TokenDetail(*counts)
