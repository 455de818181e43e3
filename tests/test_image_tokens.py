"""The tokens of images by the rules of their providers, against figures of the providers' pages."""

from __future__ import annotations

import random

import pytest

from flowrun.runtime.vocabulary.image_tokens import most_tokens, tokens_of


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        # OpenAI's page: 1024 × 1024 in high detail has 765 tokens, 2048 × 4096 has 1105.
        ("openai:gpt-4o", (1024, 1024), 765),
        ("openai:gpt-4.1", (2048, 4096), 1105),
        ("openai:gpt-4o", (100, 100), 255),
        ("openai:gpt-4o-mini", (1024, 1024), 2833 + 4 * 5667),
        ("openai:o3", (1024, 1024), 75 + 4 * 150),
        ("openai:gpt-5", (512, 512), 210),
        # The same page: 1024 × 1024 has 1024 patches of 32 pixels, and more than 1536 are scaled down.
        ("openai:gpt-4.1-mini", (1024, 1024), 1659),
        ("openai:gpt-5-nano", (1024, 1024), 2520),
        ("openai:o4-mini", (1800, 2400), 2642),
        # Anthropic's page: 200 × 200 has about 54 tokens, 1000 × 1000 about 1334, and an image about 1600 at most.
        ("anthropic:claude-haiku-4-5", (200, 200), 54),
        ("anthropic:claude-sonnet-4-5", (1000, 1000), 1334),
        ("anthropic:claude-opus-4-5", (8000, 8000), 1600),
        ("anthropic:claude-opus-4-7", (2576, 1932), 4784),
        # Google's page: 258 tokens up to 384 pixels a side, and 258 for each tile beyond.
        ("gemini:gemini-2.5-flash", (384, 384), 258),
        ("gemini:gemini-2.5-flash", (960, 540), 6 * 258),
        ("gemini:models/gemini-2.0-flash", (768, 768), 4 * 258),
        ("gemini:gemini-3-pro", (4000, 3000), 1120),
    ],
)
def test_the_tokens_of_an_image(model: str, size: tuple[int, int], tokens: int) -> None:
    assert tokens_of(model)(*size) == tokens


def test_no_rule_but_that_of_a_dear_model_exceeds_the_rule_of_unknown_models() -> None:
    dice = random.Random(7)
    rules = ["openai:gpt-4o", "openai:gpt-5", "anthropic:claude-haiku-4-5", "gemini:gemini-3-pro", "openai:gpt-5.4"]
    for _ in range(2000):
        size = dice.randint(1, 8000), dice.randint(1, 8000)
        assert all(0 < tokens_of(one)(*size) <= most_tokens(*size) for one in rules), size


def test_a_model_of_another_provider_has_a_safe_number() -> None:
    assert tokens_of("openai:qwen2.5-vl")(1000, 1000) == tokens_of("lab:llava")(1000, 1000) == most_tokens(1000, 1000)
    assert most_tokens(10, 10) >= 2880
