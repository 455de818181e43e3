"""What a model says becomes a value of the type that was asked for, or an error that helps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import types as t
from flowrun.runtime.engine.answers import DEEPEST, read_answer
from flowrun.runtime.vocabulary.errors import AnswerError
from support.cpu import cpu_within

Json = Any
CHOICE = t.Choice(("SPAM", "not spam", "Maybe"))
FINDING = t.Record(
    (
        t.Field("clause", t.TEXT),
        t.Field("severity", t.Choice(("low", "high"))),
        t.Field("score", t.Range(1, 5)),
        t.Field("note", t.Optional(t.TEXT)),
    ),
    "Finding",
)
GOOD = {"clause": "c", "severity": "low", "score": 3, "note": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SPAM", "SPAM"),
        ("spam.", "SPAM"),
        ("  **Spam**\n", "SPAM"),
        ('"Not  Spam"', "not spam"),
        ("not\nspam", "not spam"),
        ("`maybe`!", "Maybe"),
    ],
)
def test_choices_are_normalised(text: str, value: str) -> None:
    assert read_answer(text, CHOICE) == value


@pytest.mark.parametrize("text", ["It is SPAM", "SPAM or Maybe", "spammy", "no", "SPAM SPAM"])
def test_more_or_other_than_a_choice_is_no_answer(text: str) -> None:
    with pytest.raises(AnswerError, match='expected SPAM \\| "not spam" \\| Maybe, and the answer is "'):
        read_answer(text, CHOICE)


@given(st.sampled_from(CHOICE.options), st.text(alphabet="\"'`*_.,:;!() \t\r\n", max_size=6))
def test_every_way_to_write_a_choice_is_that_choice(option: str, around: str) -> None:
    for written in (option, option.upper(), option.lower()):
        assert read_answer(around + written + around[::-1], CHOICE) == option


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        (" two words \n", t.TEXT, "two words"),
        ("{{ name }} <b>", t.TEXT, "{{ name }} <b>"),
        ("3", t.Range(1, 5), 3),
        ("3.0", t.Range(1, 5), 3),
        ("3.0", t.INT, 3),
        ("12345678901234567890123", t.INT, 12345678901234567890123),
        ("0.5", t.NUMBER, 0.5),
        ("2", t.NUMBER, 2),
        ("true", t.BOOL, True),
        ('["a", "b"]', t.ListOf(t.TEXT), ["a", "b"]),
        ("[]", t.ListOf(t.TEXT), []),
        ("null", t.Optional(t.INT), None),
        ('```json\n["a"]\n```', t.ListOf(t.TEXT), ["a"]),
        ('```\n["a"]\n```\n', t.ListOf(t.TEXT), ["a"]),
        ('Here it is:\n```json\n["a"]\n```\nGood luck!', t.ListOf(t.TEXT), ["a"]),
        ("['a', 'b',]", t.ListOf(t.TEXT), ["a", "b"]),
        ('["a", "b",\n]', t.ListOf(t.TEXT), ["a", "b"]),
        ('{"clause": "c", "severity": "low", "score": 3, }', FINDING, GOOD),
        ("\ufeff 5", t.INT, 5),
        ("```\n5\n```", t.INT, 5),
        ("```text\nspam\n```", CHOICE, "SPAM"),
        ("True", t.BOOL, True),
        ("None", t.Optional(t.INT), None),
        ("{'a': True, 'b': [None, 'it\\'s \"x\"']}", t.JSON, {"a": True, "b": [None, 'it\'s "x"']}),
        ("[\"it's\", 'b']", t.ListOf(t.TEXT), ["it's", "b"]),
        ('I found "two" of them:\n["a", "b"]\nThat is all.', t.ListOf(t.TEXT), ["a", "b"]),
        ('"[\\"a\\", \\"b\\"]"', t.ListOf(t.TEXT), ["a", "b"]),
        ('"{\\"clause\\": \\"c\\", \\"severity\\": \\"low\\", \\"score\\": 3}"', FINDING, GOOD),
        ('["[1]"]', t.ListOf(t.TEXT), ["[1]"]),
        ('["[1]"]', t.ListOf(t.ListOf(t.INT)), [[1]]),
        ('"[1]"', t.JSON, "[1]"),
        ("9007199254740993", t.INT, 9007199254740993),
        ('[{"clause": "c", "severity": "LOW.", "score": 3}]', t.ListOf(FINDING), [GOOD]),
        ('{"a": [1, {"b": null}]}', t.JSON, {"a": [1, {"b": None}]}),
    ],
)
def test_values_of_every_type(text: str, type_: t.Type, value: Json) -> None:
    read = read_answer(text, type_)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        ("", t.TEXT, "the answer is empty"),
        (" \n\t", CHOICE, "the answer is empty"),
        ("6", t.Range(1, 5), "less than or equal to 5"),
        ("0", t.Range(1, 5), "greater than or equal to 1"),
        ("2.5", t.Range(1, 5), "int"),
        ('"3"', t.INT, "int"),
        ("true", t.INT, "int"),
        ("1", t.BOOL, "bool"),
        ("true", t.NUMBER, "expected number"),
        ("five", t.Range(1, 5), 'expected 1..5, and the answer is "five"'),
        ('{"a": 1}', t.ListOf(t.TEXT), "list"),
        ('["a", 1]', t.ListOf(t.TEXT), "at `1`: "),
        ('{"clause": "c", "severity": "low"}', FINDING, "at `score`: field required"),
        ('{"clause": "c", "severity": "huge", "score": 1}', FINDING, "at `severity`: input should be 'low' or 'high'"),
        ('{"clause": null, "severity": "low", "score": 1}', FINDING, "at `clause`: "),
        ("NaN", t.NUMBER, "the number nan, which JSON does not have"),
        ("[1, -Infinity]", t.ListOf(t.NUMBER), "the number -inf"),
        ("1e999", t.JSON, "the number inf"),
        ('{"a": NaN}', t.JSON, "the number nan"),
        ('["\\ud800"]', t.ListOf(t.TEXT), "half a character"),
        ('{"\\udfff": 1}', t.JSON, "half a character"),
    ],
)
def test_what_is_of_another_type_says_what_was_expected(text: str, type_: t.Type, message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answer(text, type_)
    assert message in str(caught.value)
    assert caught.value.text == text


def test_a_long_answer_is_quoted_in_part() -> None:
    with pytest.raises(AnswerError) as caught:
        read_answer("word " * 10_000, CHOICE)
    assert len(str(caught.value)) < 200


@pytest.mark.no_cover
@pytest.mark.parametrize("type_", [t.JSON, t.ListOf(t.JSON), FINDING])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 30_000, '[{"a":' * 40_000 + "1", "[1 2 " * 3000]
)
def test_a_tower_of_brackets_is_no_answer(text: str, type_: t.Type) -> None:
    with cpu_within(5), pytest.raises(AnswerError, match="nested"):
        read_answer(text, type_)


def test_depth_is_counted_to_the_letter() -> None:
    deepest = "[" * DEEPEST + "]" * DEEPEST
    assert read_answer(deepest, t.JSON) == json.loads(deepest)
    with pytest.raises(AnswerError, match="nested deeper than 64 levels"):
        read_answer(f"[{deepest}]", t.JSON)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_taken_as_it_is(value: Json) -> None:
    assert read_answer(json.dumps(value), t.JSON) == value


TYPES = st.recursive(
    st.sampled_from([t.TEXT, t.INT, t.NUMBER, t.BOOL, t.JSON, CHOICE, t.Range(1, 5), FINDING]),
    lambda inner: st.builds(t.ListOf, inner) | st.builds(t.Optional, inner),
    max_leaves=3,
)


@given(st.text() | VALUES.map(json.dumps) | st.text(alphabet='[]{}",:0a \\n`'), TYPES)
@settings(max_examples=100)
def test_any_text_is_an_answer_or_an_answer_error(text: str, type_: t.Type) -> None:
    try:
        value = read_answer(text, type_)
    except AnswerError as error:
        assert error.text == text
    else:
        json.dumps(value, allow_nan=False).encode()
