"""The places up to which a server shall keep a prompt, in the form of each API."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowrun.runtime.providers import anthropic, openai
from flowrun.runtime.providers.breakpoints import cache_key, converse_blocks, least_kept, without_cuts
from flowrun.runtime.providers.message_content import messages_content, messages_system
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request

MARK = {"type": "ephemeral"}
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


def body(module: Any, messages: tuple[Message, ...], lacks: frozenset[str] = frozenset(), **environ: str) -> Any:
    provider = module.opened("claude-x" if module is anthropic else "gpt-x", Surroundings({**KEYS, **environ}))
    return provider._call(Request(messages), None, 1, lacks).body


@pytest.mark.parametrize("seed", range(300))
def test_the_blocks_are_the_text(seed: int) -> None:
    dice = random.Random(seed)
    text = "".join(dice.choice("ab  \n\né") for _ in range(dice.randrange(12)))
    cuts = tuple(sorted({dice.randrange(len(text) + 1) for _ in range(dice.randrange(3))} - {0}))
    message = Message("user", text, cuts=cuts)
    content = messages_content(message)
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    assert "".join(block["text"] for block in blocks) == text
    assert "".join(block.get("text", "") for block in converse_blocks(message)) == text
    if text.strip():
        assert all(block["text"].strip() for block in blocks), "a server refuses a block without words"
    marked = 0
    for block in blocks:
        marked += len(block["text"])
        assert "cache_control" not in block or marked in cuts


def test_anthropic_gets_breakpoints_in_the_system_and_in_the_messages() -> None:
    messages = (
        Message("system", "Be brief.", cuts=(9,)),
        Message("system", "Be kind."),
        Message("user", "The book. A question", cuts=(9, 20)),
    )
    found = body(anthropic, messages)
    assert found["system"] == [
        {"type": "text", "text": "Be brief.", "cache_control": MARK},
        {"type": "text", "text": "\n\nBe kind."},
    ]
    assert found["messages"][0]["content"] == [
        {"type": "text", "text": "The book.", "cache_control": MARK},
        {"type": "text", "text": " A question", "cache_control": MARK},
    ]
    plain = body(anthropic, without_cuts(messages))
    assert plain["system"] == "Be brief.\n\nBe kind." == "".join(block["text"] for block in found["system"])
    assert plain["messages"][0]["content"] == "The book. A question"
    assert body(anthropic, messages, frozenset({"cache_control"})) == plain


def test_bedrock_gets_cache_points() -> None:
    point = {"cachePoint": {"type": "default"}}
    assert converse_blocks(Message("user", "The book. A question", cuts=(9,))) == [
        {"text": "The book."},
        point,
        {"text": " A question"},
    ]
    assert converse_blocks(Message("user", "The book.", cuts=(9,))) == [{"text": "The book."}, point]
    assert converse_blocks(Message("user", "A question")) == [{"text": "A question"}]


def test_openai_gets_a_key_of_the_head_on_its_own_host_alone() -> None:
    one = Message("system", "Be brief."), Message("user", "The book. One", cuts=(9,))
    two = Message("system", "Be brief."), Message("user", "The book. Two", cuts=(9,))
    other = Message("system", "Be kind."), Message("user", "The book. Two", cuts=(9,))
    assert cache_key(one) == cache_key(two) != cache_key(other)
    assert cache_key(without_cuts(one)) == ""
    assert len(cache_key(one)) <= 64
    assert body(openai, one)["prompt_cache_key"] == cache_key(one)
    assert body(openai, one)["messages"][1]["content"] == "The book. One"
    assert "prompt_cache_key" not in body(openai, without_cuts(one))
    assert "prompt_cache_key" not in body(openai, one, frozenset({"prompt_cache_key"}))
    assert "prompt_cache_key" not in body(openai, one, OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert messages_system(one) == "Be brief."


def test_a_key_that_is_refused_is_left_out() -> None:
    provider: Any = openai.opened("gpt-x", Surroundings(KEYS))
    call = provider._call(Request((Message("user", "The book. One", cuts=(9,)),)), None, 1, frozenset())
    assert "prompt_cache_key" in provider._parts(call, frozenset())


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("claude-sonnet-4-5", 1024),
        ("claude-sonnet-4-6", 2048),
        ("claude-opus-4-1-20250805", 1024),
        ("claude-opus-4-5", 4096),
        ("claude-haiku-4-5", 4096),
        ("claude-3-5-haiku-latest", 2048),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 1024),
        ("amazon.nova-pro-v1:0", 1024),
        ("claude-opus-5", 512),
        ("something-else", 4096),
    ],
)
def test_the_fewest_tokens_by_model(name: str, least: int) -> None:
    assert least_kept(name) == least
