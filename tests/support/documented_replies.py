"""Replies with the usage that each API documents: the data of the table of bills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowrun.runtime.providers.token_details import chat_usage, converse_usage, generate_usage, messages_usage
from flowrun.runtime.vocabulary.usage import Usage


@dataclass(frozen=True)
class Case:
    """A reply of a model of a service, by the names of genai-prices, and the reader that flowrun has for it."""

    service: str
    model: str
    usage: dict[str, Any]
    tier: str = ""
    flavor: str = "default"
    read: Callable[[Any], Usage] = chat_usage
    around: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reply(self) -> dict[str, Any]:
        if self.read is generate_usage:
            return {"modelVersion": self.model, "usageMetadata": self.usage, **self.around}
        return {"model": self.model, "usage": self.usage, **self.around}


def _chat(
    read: int, written: int, *, cached: int = 0, stored: int = 0, thought: int = 0, **more: Any
) -> dict[str, Any]:
    prompt = {"cached_tokens": cached, "audio_tokens": 0} | ({"cache_write_tokens": stored} if stored else {})
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0},
        **more,
    }


def _claude(plain: int, cached: int, short: int, long: int, written: int, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens": plain,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": written,
        "service_tier": "standard",
        **more,
    }


def _openai(model: str, usage: dict[str, Any], tier: str = "default") -> Case:
    named = "" if tier == "default" else tier
    return Case("openai", model, usage, named, "chat", around={"service_tier": tier})


def _anthropic(model: str, usage: dict[str, Any], tier: str = "") -> Case:
    return Case("anthropic", model, usage, tier, read=messages_usage)


def _gemini(model: str, usage: dict[str, Any], tier: str = "", **around: Any) -> Case:
    return Case("google", model, usage, tier, read=generate_usage, around=around)


def _on(service: str, model: str, usage: dict[str, Any], flavor: str = "chat") -> Case:
    return Case(service, model, usage, flavor=flavor)


CASES: dict[str, Case] = {
    "openai, plain": _openai("gpt-4o-mini", _chat(10_000, 100)),
    "openai, nine tenths cached": _openai("gpt-4o-mini", _chat(10_000, 100, cached=9_000)),
    "openai, cached and reasoning": _openai("gpt-5", _chat(10_000, 900, cached=8_192, thought=640)),
    "openai, above 272k": _openai("gpt-5.4", _chat(300_000, 2_000, cached=1_024)),
    "openai, at 272k": _openai("gpt-5.4", _chat(272_000, 2_000)),
    "openai, flex": _openai("gpt-5-mini", _chat(10_000, 500, cached=4_096), "flex"),
    "openai, priority": _openai("gpt-5-mini", _chat(10_000, 500, cached=4_096), "priority"),
    "openai, flex above 272k": _openai("gpt-5.4", _chat(300_000, 2_000, cached=100_096), "flex"),
    "openai, cache written": _openai("gpt-5.6-sol", _chat(12_000, 300, cached=2_048, stored=8_192)),
    "anthropic, plain": _anthropic("claude-sonnet-4-5", _claude(10_000, 0, 0, 0, 100)),
    "anthropic, read": _anthropic("claude-sonnet-4-5", _claude(1_000, 9_000, 0, 0, 100)),
    "anthropic, written for minutes": _anthropic("claude-sonnet-4-5", _claude(500, 0, 9_500, 0, 100)),
    "anthropic, written for an hour": _anthropic("claude-haiku-4-5", _claude(500, 0, 0, 9_500, 100)),
    "anthropic, read and both writes": _anthropic("claude-opus-4-5", _claude(300, 6_000, 700, 3_000, 800)),
    "anthropic, above 200k": _anthropic("claude-sonnet-4-5", _claude(1_000, 150_000, 60_000, 0, 1_500)),
    "anthropic, at 200k": _anthropic("claude-sonnet-4-5", _claude(50_000, 150_000, 0, 0, 1_500)),
    "anthropic, thinking": _anthropic(
        "claude-sonnet-4-5", _claude(900, 0, 0, 0, 700, output_tokens_details={"thinking_tokens": 512})
    ),
    "anthropic, batch": _anthropic(
        "claude-sonnet-4-5", _claude(1_000, 5_000, 0, 2_000, 400, service_tier="batch"), "batch"
    ),
    "gemini, plain": _gemini(
        "gemini-2.5-flash", {"promptTokenCount": 9_000, "candidatesTokenCount": 90, "totalTokenCount": 9_090}
    ),
    "gemini, cached and thoughts": _gemini(
        "gemini-2.5-pro",
        {
            "promptTokenCount": 40_000,
            "cachedContentTokenCount": 32_000,
            "candidatesTokenCount": 80,
            "thoughtsTokenCount": 1_200,
            "totalTokenCount": 41_280,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40_000}],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 32_000}],
        },
    ),
    "gemini, above 200k": _gemini(
        "gemini-2.5-pro",
        {
            "promptTokenCount": 250_000,
            "cachedContentTokenCount": 200_000,
            "candidatesTokenCount": 500,
            "totalTokenCount": 250_500,
        },
    ),
    "gemini, images": _gemini(
        "gemini-2.5-flash",
        {
            "promptTokenCount": 1_400,
            "candidatesTokenCount": 40,
            "totalTokenCount": 1_440,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 368},
                {"modality": "IMAGE", "tokenCount": 1_032},
            ],
        },
    ),
    "gemini, only thoughts": _gemini(
        "gemini-2.5-flash", {"promptTokenCount": 700, "thoughtsTokenCount": 300, "totalTokenCount": 1_000}
    ),
    "gemini, a zero is left out": _gemini("gemini-2.5-flash", {"promptTokenCount": 700, "totalTokenCount": 700}),
    "gemini, a tool's prompt": _gemini(
        "gemini-2.5-flash",
        {
            "promptTokenCount": 700,
            "toolUsePromptTokenCount": 300,
            "candidatesTokenCount": 60,
            "totalTokenCount": 1_060,
        },
    ),
    "deepseek, cached": _on(
        "deepseek",
        "deepseek-chat",
        _chat(10_000, 200, cached=8_960, prompt_cache_hit_tokens=8_960, prompt_cache_miss_tokens=1_040),
    ),
    "deepseek, reasoning": _on("deepseek", "deepseek-v4-pro", _chat(3_000, 2_000, cached=1_024, thought=1_800)),
    "xai, reasoning beside the answer": _on(
        "x-ai",
        "grok-4.20",
        {
            "prompt_tokens": 3_200,
            "completion_tokens": 90,
            "total_tokens": 4_230,
            "prompt_tokens_details": {"text_tokens": 3_200, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 600},
            "completion_tokens_details": {"reasoning_tokens": 940, "audio_tokens": 0},
            "num_sources_used": 0,
        },
    ),
    "xai, above 200k": _on("x-ai", "grok-4.7", _chat(250_000, 900, cached=128_000)),
    "groq, cached": _on("groq", "moonshotai/kimi-k2-instruct-0905", _chat(6_000, 200, cached=4_096), "default"),
    "groq, plain": _on("groq", "llama-3.3-70b-versatile", _chat(6_000, 200, queue_time=0.01), "default"),
    "mistral, plain": _on(
        "mistral",
        "mistral-large-2512",
        {"prompt_tokens": 4_000, "completion_tokens": 300, "total_tokens": 4_300},
        "default",
    ),
    "mistral, cached": _on("mistral", "mistral-large-2512", _chat(4_000, 300, cached=3_072), "default"),
    "openrouter, written": _on(
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        _chat(12_000, 300, cached=2_000, stored=9_000, cost=0.04, cost_details={"upstream_inference_cost": None}),
    ),
    "openrouter, above 200k": _on("openrouter", "google/gemini-2.5-pro", _chat(210_000, 300, cached=100_000)),
    "openrouter, reasoning apart": _on(
        "openrouter", "perplexity/sonar-deep-research", _chat(900, 2_000, thought=1_500)
    ),
    "fireworks, cached": _on("fireworks", "accounts/fireworks/models/glm-5p1", _chat(8_000, 200, cached=6_000)),
    "moonshot, cached": _on("moonshotai", "kimi-k2.5", _chat(8_000, 200, cached=6_000)),
    "azure, cached": _on("azure", "gpt-4.1-mini", _chat(8_000, 200, cached=6_016)),
    "bedrock, read and written": Case(
        "aws",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        {
            "inputTokens": 400,
            "cacheReadInputTokens": 6_000,
            "cacheWriteInputTokens": 3_000,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 1_000}, {"ttl": "5m", "inputTokens": 2_000}],
            "outputTokens": 250,
            "totalTokens": 9_650,
        },
        read=converse_usage,
    ),
    "bedrock, nova": Case(
        "aws",
        "us.amazon.nova-lite-v1:0",
        {"inputTokens": 900, "cacheReadInputTokens": 5_000, "cacheWriteInputTokens": 0, "outputTokens": 120},
        read=converse_usage,
    ),
    "bedrock, of any region": Case(
        "aws",
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        {
            "inputTokens": 12,
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 7_000,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 7_000}],
            "outputTokens": 90,
        },
        read=converse_usage,
    ),
    "bedrock, in another tier": Case(
        "aws",
        "amazon.nova-pro-v1:0",
        {"inputTokens": 2_000, "outputTokens": 500, "totalTokens": 2_500},
        "flex",
        read=converse_usage,
        around={"serviceTier": {"type": "flex"}},
    ),
    "vertex, above 200k": Case(
        "google",
        "gemini-2.5-pro",
        {
            "promptTokenCount": 210_000,
            "cachedContentTokenCount": 150_000,
            "candidatesTokenCount": 300,
            "thoughtsTokenCount": 700,
            "totalTokenCount": 211_000,
            "trafficType": "ON_DEMAND",
        },
        read=generate_usage,
    ),
    "azure, reasoning": _on("azure", "gpt-5", _chat(8_000, 900, cached=1_024, thought=700)),
    "vertex, read and written": Case(
        "google", "claude-sonnet-4-5", _claude(400, 6_000, 2_000, 1_000, 250), flavor="anthropic", read=messages_usage
    ),
}
