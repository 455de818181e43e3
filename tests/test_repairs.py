"""A repair of an answer loses nothing and adds nothing, or the answer is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowrun.dsl import types as t
from flowrun.runtime.answers import read_answer
from flowrun.runtime.errors import AnswerError, MalformedError

Json = Any
TEXTS = t.ListOf(t.TEXT)
NOTE = t.Record((t.Field("text", t.TEXT), t.Field("n", t.INT), t.Field("more", t.Optional(t.TEXT))), "Note")
SIZE = t.Choice(("small", "large", "very large"))
NOTHING = object()


def read(text: str, type_: t.Type) -> Json:
    """The value of a text, or NOTHING."""
    try:
        return read_answer(text, type_)
    except AnswerError:
        return NOTHING


@pytest.mark.parametrize(
    ("text", "type_", "why"),
    [
        ('["first clause", "the tenant must not', TEXTS, "without an end"),
        ('["a", "b"', TEXTS, "ends before its JSON does"),
        ('["a", ', TEXTS, "ends before"),
        ('{"text": "x", "n": 3', NOTE, "ends before"),
        ('[["a"], ["b"]', t.ListOf(TEXTS), "ends before"),
        ('{"text": "he said "yes"", "n": 1}', NOTE, "neither a comma nor"),
        ('{"text": "two\nlines", "n": 1}', NOTE, "backslash"),
        ('{"text": """two\nlines""", "n": 1}', NOTE, "neither a comma nor"),
        ('{"text": "x", "n": 3 or 4}', NOTE, "neither a comma nor"),
        ('{"text": "x", "n": 12 34}', NOTE, "neither a comma nor"),
        ('{"text": "x" "n": 1}', NOTE, "neither a comma nor"),
        ('{"text": "x", "n" 1}', NOTE, "no colon"),
        ('{text: "x", n: 1}', NOTE, "not in quotes"),
        ('{"text": "x", "n": 1, "n": 2}', NOTE, 'the field "n" more than once'),
        ('{"text": "x", "n": 1, "N": 2}', NOTE, "at `N`"),
        ('{"text": "x", "n": 1, "why": "y"}', NOTE, "at `why`"),
        ('{"Text": "x", "n": 1}', NOTE, "at `text`"),
        ('{"text": "x", "n": 1} // sure', t.ListOf(t.INT), "does not fit"),
        ('{"text": "x", /* sure */ "n": 1}', NOTE, "not in quotes"),
        ('{"text": "x", "n": 1, ...}', NOTE, "not in quotes"),
        ('{"text": "x", "n": "1"}', NOTE, "at `n`"),
        ('{"text": "x", "n": 1.5}', NOTE, "at `n`"),
        ('{"text": "x", "n": 01}', NOTE, "not written as JSON"),
        ('{"text": "x", "n": +1}', NOTE, "no JSON value"),
        ('{"text": "x", "n": 1,000}', NOTE, "not in quotes"),
        ('{"text": "x", "n": undefined}', NOTE, "no JSON value"),
        ('{"text": "x", "n": 1e23}', NOTE, "at `n`"),
        ('["a", "b", ...]', TEXTS, "no JSON value"),
        ('["a",, "b"]', TEXTS, "no JSON value"),
        ("[1, 2, ]", t.ListOf(t.INT), "a comma in a list with nothing behind it"),
        ("[\n  1,\n  \n]", t.ListOf(t.INT), "a comma in a list with nothing behind it"),
        ("('a', 'b')", TEXTS, ""),
        ('["a"]\n["b"]', TEXTS, "more than one list"),
        ('```json\n["a"]\n```\n```json\n["b"]\n```', TEXTS, "more than one list"),
        ('Not ["a"], but ["b"].', TEXTS, "more than one list"),
        ('As in [1]: ["b"]', TEXTS, "more than one list"),
        ('"a", "b"]', TEXTS, "no JSON value"),
        ('"text": ["a"]', TEXTS, "a field without"),
        ('["a"], "b"', TEXTS, "part of another"),
        ('[1]"', t.JSON, "part of another"),
        ('"[1]', t.JSON, "part of another"),
        ("['don't', 'b']", TEXTS, "neither a comma nor"),
        ("['it's', 'its']", TEXTS, "neither a comma nor"),
        ("12 34", t.INT, "goes on behind its value"),
        ("3 or 4", t.INT, "goes on behind"),
        ("3-4", t.INT, ""),
        ("3/5", t.NUMBER, "goes on behind"),
        ("1,000", t.INT, "goes on behind"),
        ("5 kg", t.NUMBER, "goes on behind"),
        ("about 3", t.INT, ""),
        ("3.", t.NUMBER, ""),
        ("0x10", t.INT, ""),
        ("1_000", t.INT, ""),
        ("3.0000000000000000001", t.INT, "more digits than can be kept"),
        ("1e-999", t.NUMBER, "more digits than can be kept"),
        ("9" * 5000, t.INT, "a number of 5,000 digits"),
        ("yes", t.BOOL, ""),
        ('"true"', t.BOOL, "does not fit"),
        ("TRUE", t.BOOL, ""),
        ("The answer is small", SIZE, ""),
        ("not small", SIZE, ""),
        ("small, large", SIZE, ""),
        ('["small"]', SIZE, ""),
        ("very", SIZE, ""),
    ],
)
def test_what_a_repair_would_have_to_guess_is_no_answer(text: str, type_: t.Type, why: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read_answer(text, type_)
    assert why in caught.value.why
    assert caught.value.text == text


def test_words_that_differ_in_case_alone_are_told_apart_or_not_at_all() -> None:
    both = t.Choice(("A", "a"))
    assert read("a", both) == "a"
    assert read("A", both) == "A"
    assert read("**a**", both) is NOTHING
    assert read('["a"]', t.ListOf(both)) == ["a"]


def test_marks_alone_are_no_word() -> None:
    assert read("...", t.Choice(("*", "+"))) is NOTHING
    assert read("*", t.Choice(("*", "+"))) == "*"


# Random values, as models dress them, and as wires and models damage them

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z", "Cc")), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


def same(a: Json, b: Json) -> bool:
    return type(a) is type(b) and json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@st.composite
def typed(draw: st.DrawFn, depth: int = 2) -> tuple[t.Type, Json]:
    """A type and a value of it; lists and records have parts of types of their own."""
    leaves = {t.INT: st.integers(), t.NUMBER: NUMBERS, t.BOOL: st.booleans(), t.TEXT: WORDS, t.JSON: DATA}
    kinds = ["leaf", "choice", "range", *(["list", "record", "optional"] if depth else [])]
    match draw(st.sampled_from(kinds)):
        case "choice":
            return SIZE, draw(st.sampled_from(SIZE.options))
        case "range":
            return t.Range(1, 50), draw(st.integers(1, 50))
        case "list":
            item, value = draw(typed(depth - 1))
            return t.ListOf(item), [value] * draw(st.integers(0, 3))
        case "optional":
            item, value = draw(typed(depth - 1))
            return t.Optional(item), draw(st.sampled_from([value, None]))
        case "record":
            parts = [draw(typed(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
            fields = tuple(t.Field(f"f{index}", part[0]) for index, part in enumerate(parts))
            return t.Record(fields), {f"f{index}": part[1] for index, part in enumerate(parts)}
    leaf = draw(st.sampled_from(list(leaves)))
    return leaf, draw(leaves[leaf])


def pythonic(value: Json) -> str:
    """As Python's repr, but for the escapes that JSON does not have."""
    match value:
        case str():
            inner = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
            return f"'{inner}'"
        case list():
            return "[" + ", ".join(map(pythonic, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{pythonic(name)}: {pythonic(one)}" for name, one in value.items()) + "}"
    return repr(value)


def comma_behind(value: Json) -> str:
    text = json.dumps(value, indent=2)
    return f"{text[:-2]},\n{text[-1]}" if value and isinstance(value, list | dict) else text


DRESSES = {
    "as it is": json.dumps,
    "over lines": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    "compact": lambda value: json.dumps(value, separators=(",", ":")),
    "fenced": lambda value: f"```json\n{json.dumps(value, indent=1)}\n```",
    "a fence and prose": lambda value: f'Here is the "value":\n\n```\n{json.dumps(value)}\n```\nIt\'s all.',
    "prose": lambda value: f"Sure, here it is: {json.dumps(value)}\nI hope that helps, it's 1 of 2!",
    "python": pythonic,
    "a comma": comma_behind,
}


@given(typed(), st.sampled_from(list(DRESSES)))
@settings(deadline=None, max_examples=600)
def test_a_dressed_value_is_that_value(case: tuple[t.Type, Json], dress: str) -> None:
    type_, value = case
    assume(type_ != t.TEXT and not isinstance(type_, t.Choice))
    # Between words a number or a word alone would be a guess.
    assume(dress != "prose" or isinstance(value, list | dict))
    found = read(DRESSES[dress](value), type_)
    assert same(found, value)


@given(typed())
@settings(deadline=None, max_examples=200)
def test_a_list_or_record_as_json_text_is_that_value(case: tuple[t.Type, Json]) -> None:
    type_, value = case
    assume(isinstance(type_, t.ListOf | t.Record))
    assert same(read(json.dumps(json.dumps(value)), type_), value)


def strictly(text: str, type_: t.Type) -> bool:
    """Whether a text is JSON of a type by the standard library's word, and no name is in it twice."""

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=unique)
    except ValueError:
        return False
    return read(text, type_) is not NOTHING


@given(typed(), st.data())
@settings(deadline=None, max_examples=1500)
def test_damage_never_makes_another_value(case: tuple[t.Type, Json], data: st.DataObject) -> None:
    type_, value = case
    assume(type_ != t.TEXT and not isinstance(type_, t.Choice))
    text = DRESSES[data.draw(st.sampled_from(["as it is", "over lines"]))](value)
    at = data.draw(st.integers(0, len(text)))
    damaged = data.draw(
        st.sampled_from(
            [
                text[:at],
                text[:at] + text[at + 1 :],
                text[:at] + data.draw(st.sampled_from("[]{}\"',:`\\ \n0129.-eNa/#")) + text[at:],
                text + data.draw(st.sampled_from(["\n", " ", "\n\n"])) + text,
            ]
        )
    )
    found = read(damaged, type_)
    assert found is NOTHING or same(found, value) or strictly(damaged, type_)


@given(typed(), st.data())
@settings(deadline=None, max_examples=800)
def test_a_dressed_value_that_is_cut_is_none(case: tuple[t.Type, Json], data: st.DataObject) -> None:
    type_, value = case
    assume(isinstance(value, list | dict))
    text = DRESSES[data.draw(st.sampled_from(list(DRESSES)))](value)
    found = read(text[: data.draw(st.integers(0, len(text) - 1))], type_)
    assert found is NOTHING or same(found, value)
