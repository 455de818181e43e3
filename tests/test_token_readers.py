"""The readers of usages: what each API leaves out, counts on top, or tells in an odd way."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.runtime.engine.doubts import credible
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.token_details import (
    chat_usage,
    converse_usage,
    cumulated,
    generate_usage,
    messages_usage,
)
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from support.hosted import HELLO
from support.told_replies import KEY, environment, events

READERS = (chat_usage, messages_usage, generate_usage, converse_usage)
GOOGLE = {
    "a zero of the answer": ({"promptTokenCount": 7, "totalTokenCount": 7}, (7, 0)),
    "a zero of the prompt": ({"candidatesTokenCount": 3, "totalTokenCount": 3}, (0, 3)),
    "only the prompt": ({"promptTokenCount": 7}, (7, 0)),
    "only thoughts": ({"promptTokenCount": 7, "thoughtsTokenCount": 5, "totalTokenCount": 12}, (7, 5)),
    "the total tells the answer": ({"promptTokenCount": 7, "thoughtsTokenCount": 5, "totalTokenCount": 20}, (7, 13)),
    "the total is too small": ({"promptTokenCount": 7, "totalTokenCount": 3}, (7, 0)),
    "no prompt and no total": ({"candidatesTokenCount": 3}, (None, 3)),
    "nothing": ({}, (None, None)),
    "a word": ({"promptTokenCount": 7, "candidatesTokenCount": "3", "totalTokenCount": 10}, (7, None)),
    "below zero": ({"promptTokenCount": -7, "candidatesTokenCount": 3, "totalTokenCount": 10}, (None, 3)),
}


@pytest.mark.parametrize(("usage", "counts"), GOOGLE.values(), ids=GOOGLE)
def test_a_count_that_google_leaves_out_is_zero(usage: dict[str, Any], counts: tuple[int | None, int | None]) -> None:
    found = generate_usage({"usageMetadata": usage})
    assert (found.input_tokens, found.output_tokens) == counts


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("reply", [None, [], "x", {}, {"usage": None}, {"usage": []}, {"usageMetadata": 3}])
def test_a_reply_without_a_usage_has_none(read: Any, reply: Any) -> None:
    found = read(reply)
    assert (found, found.detail, found.tier, found.doubt) == (Usage(), None, "", "")


@pytest.mark.parametrize("read", READERS)
def test_odd_values_are_no_tokens(read: Any) -> None:
    odd: dict[str, Any] = {"prompt_tokens_details": 3, "cacheDetails": [1, {"ttl": "1h"}], "cache_creation": []}
    odd |= {"promptTokensDetails": {"modality": "TEXT"}, "service_tier": 7, "serviceTier": [], "total_tokens": "9"}
    found = read({"usage": odd, "usageMetadata": odd, "service_tier": {}})
    assert (found.known, found.tier) == (False, "")


TIERS = {
    "default": "",
    "auto": "",
    "standard": "",
    "on_demand": "",
    "flex": "flex",
    "Priority": "priority",
    "ON_DEMAND_FLEX": "flex",
    "PROVISIONED_THROUGHPUT": "",
    "batch": "batch",
    "x" * 9999: "",
}


@pytest.mark.parametrize("told", TIERS)
def test_a_tier_with_a_price_of_its_own_is_kept(told: str) -> None:
    assert chat_usage({"usage": {}, "service_tier": told}).tier == TIERS[told]
    assert messages_usage({"usage": {"service_tier": told}}).tier == TIERS[told]
    assert generate_usage({"usageMetadata": {"trafficType": told}}).tier == TIERS[told]
    assert converse_usage({"usage": {}, "serviceTier": {"type": told}}).tier == TIERS[told]


def test_reasoning_is_counted_on_top_only_where_the_total_says_so() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}}
    assert chat_usage({"usage": {**usage, "total_tokens": 15}}).output_tokens == 5
    assert chat_usage({"usage": {**usage, "total_tokens": 19}}).output_tokens == 9
    assert chat_usage({"usage": usage}).output_tokens == 5


def test_tokens_of_sound_have_no_known_price() -> None:
    heard = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"audio_tokens": 4}}
    assert "sound" in chat_usage({"usage": heard}).doubt
    said = {"promptTokenCount": 9, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}]}
    assert "sound" in generate_usage({"usageMetadata": said}).doubt


def test_the_counts_of_a_stream_are_cumulative() -> None:
    assert cumulated(None, 3) == cumulated(3, None) == cumulated(3, 0) == cumulated(2, 3) == 3
    known = {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 0}
    assert cumulated(known, {"ephemeral_5m_input_tokens": 0, "other": 1}) == {**known, "other": 1}


async def test_a_stream_tells_the_tier_and_the_hours_of_a_cache(faults: Any) -> None:
    first = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "service_tier": "priority",
        "output_tokens": 1,
    }
    last = {"output_tokens": 2, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}}
    begun = {"type": "message_start", "message": {"id": "msg_7", "model": "m", "usage": first}}
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last}
    faults.raw(events(begun, block, ended, {"type": "message_stop"}), kind="text/event-stream")
    chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    faults.raw(
        events(chunk, {"choices": [], "usage": usage, "service_tier": "flex"}, last="data: [DONE]\n\n"),
        kind="text/event-stream",
    )
    told = []
    for model in ("anthropic:m", "openai:m"):
        provider = open_provider(model, Surroundings(environment(faults.url, KEY)))
        told.append((await provider.complete(Request(HELLO, stream=True))).usage)
        await provider.close()
    assert [one.tier for one in told] == ["priority", "flex"]
    assert told[0].detail == TokenDetail(stored=30, long_stored=20)


# Usages that cannot be true

ASKED = Request((Message("user", "How long is a day? " * 9),), max_tokens=200)
LONG = "A day on the Earth lasts twenty-four hours, or a little less. "
TRUE = {
    "an answer": (Usage(40, 15), [LONG]),
    "several answers": (Usage(40, 45), [LONG] * 3),
    "labels": (Usage(40, 3), ["yes", "no", "yes"]),
    "a word without tokens": (Usage(40, 0), ["yes"]),
    "a row of spaces": (Usage(40, 6), ["a" + " " * 300 + "b"]),
    "no text": (Usage(40, 0), [""]),
    "reasoning before it": (Usage(40, 30, TokenDetail(reasoning=15)), [LONG]),
    "no numbers": (Usage(), [LONG] * 9),
}
UNTRUE = {
    "the tokens of one answer": (Usage(40, 15), [LONG] * 3),
    "the tokens of one label": (Usage(40, 1), ["yes", "no", "yes"]),
    "nothing for a long text": (Usage(40, 0), [LONG]),
    "reasoning is all": (Usage(40, 30, TokenDetail(reasoning=30)), [LONG]),
    "more cached than the prompt": (Usage(40, 15, TokenDetail(cached=41)), [LONG]),
    "cached and stored above the prompt": (Usage(40, 15, TokenDetail(cached=30, stored=11)), [LONG]),
    "more reasoning than the answer": (Usage(40, 15, TokenDetail(reasoning=16)), [LONG]),
}


@pytest.mark.parametrize("name", [*TRUE, *UNTRUE])
def test_a_usage_that_cannot_be_true_is_marked(name: str) -> None:
    usage, texts = {**TRUE, **UNTRUE}[name]
    found = credible(usage, ASKED, texts, len(texts))
    assert bool(found.doubt) is (name in UNTRUE)
    assert (found.input_tokens, found.output_tokens) == (usage.input_tokens, usage.output_tokens)
    detail = found.detail or TokenDetail()
    assert (detail.cached or 0) + (detail.stored or 0) <= 40
