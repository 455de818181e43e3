"""JSON without the encoder's setup for each value is the same JSON, with the same errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.vocabulary.json_parts import read, writer

ENCODERS = [json.JSONEncoder(separators=(",", ":")), json.JSONEncoder(ensure_ascii=False), json.JSONEncoder()]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
)


def outcome(work: Callable[[], Any]) -> tuple[str, str]:
    try:
        return "value", repr(work())
    except (TypeError, ValueError, RecursionError) as error:
        return type(error).__name__, str(error)


@given(VALUES)
def test_values_are_written_as_the_encoder_writes_them(value: Any) -> None:
    for encoder in ENCODERS:
        assert writer(encoder)(value) == encoder.encode(value)


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("value", [circle(), {1, 2}, {(1,): 2}, [object]], ids=["circle", "set", "key", "class"])
def test_values_that_are_no_json_meet_the_encoders_errors(value: Any) -> None:
    for encoder in ENCODERS:
        kind, said = outcome(lambda: writer(encoder)(value))  # noqa: B023
        assert kind != "value"
        assert (kind, said) == outcome(lambda: encoder.encode(value))  # noqa: B023


@given(VALUES, st.sampled_from(["", " ", "\n", "x", "]", ",1"]), st.sampled_from(["", " ", "\ufeff", "\t"]))
def test_texts_are_read_as_the_standard_library_reads_them(value: Any, behind: str, before: str) -> None:
    text = f"{before}{json.dumps(value)}{behind}"
    assert outcome(lambda: read(text)) == outcome(lambda: json.loads(text))


@pytest.mark.parametrize("text", ["", "nul", "[1,]", '{"a":1,}', '{"a"', '"\\ud800"', "9" * 5000, "[" * 100_000])
def test_broken_texts_meet_the_same_errors(text: str) -> None:
    assert outcome(lambda: read(text)) == outcome(lambda: json.loads(text))
