"""A repair of an answer loses nothing and adds nothing, or the answer is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowrun.dsl import types as t
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.vocabulary.errors import AnswerError, MalformedError
from support.cpu import cpu_within
from support.soak import share

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


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "text",
    [
        "```x\n" * 200_000,
        "[" + '"\\"' * 200_000,
        "['" + "\\'" * 200_000,
        "{" + ", ".join(f'"{n}": 1' for n in range(100_000)) + ', "99999": 2}',
        "[" + "1, " * 100_000,
        '" ' * 200_000 + "[1]",
        "[1]" + " ]" * 200_000,
    ],
    ids=["fences", "quotes", "single quotes", "names", "cut", "prose", "brackets"],
)
def test_large_answers_are_refused_in_the_time_it_takes_to_read_them(text: str) -> None:
    with cpu_within(3):
        assert read(text, NOTE) is NOTHING


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


LEAVES: dict[t.Type, st.SearchStrategy[Json]] = {
    t.INT: st.integers(),
    t.NUMBER: NUMBERS,
    t.BOOL: st.booleans(),
    t.TEXT: WORDS,
    t.JSON: DATA,
    SIZE: st.sampled_from(SIZE.options),
    t.Range(1, 50): st.integers(1, 50),
}
KINDS = st.recursive(
    st.sampled_from(list(LEAVES)),
    lambda inner: (
        st.builds(t.ListOf, inner)
        | st.builds(t.Optional, inner)
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda types: t.Record(tuple(t.Field(f"f{index}", type_) for index, type_ in enumerate(types)))
        )
    ),
    max_leaves=4,
)
# Types of our own are made into readers once; `KINDS` makes one for each example.
POOL: st.SearchStrategy[t.Type] = st.sampled_from(
    [
        t.INT,
        t.NUMBER,
        t.BOOL,
        t.JSON,
        t.Range(1, 50),
        TEXTS,
        NOTE,
        t.ListOf(t.INT),
        t.ListOf(t.NUMBER),
        t.ListOf(SIZE),
        t.ListOf(t.JSON),
        t.ListOf(NOTE),
        t.ListOf(t.ListOf(t.INT)),
        t.Optional(TEXTS),
        t.Record((t.Field("a", TEXTS), t.Field("b", t.Optional(t.ListOf(t.NUMBER))), t.Field("c", SIZE))),
        t.Record((t.Field("a", NOTE), t.Field("b", t.JSON))),
    ]
)


def values(type_: t.Type) -> st.SearchStrategy[Json]:
    match type_:
        case t.ListOf(item):
            return st.lists(values(item), max_size=3)
        case t.Optional(item):
            return st.none() | values(item)
        case t.Record(fields):
            return st.fixed_dictionaries({field.name: values(field.type) for field in fields})
    return LEAVES[type_]


def typed(types: st.SearchStrategy[t.Type] = POOL) -> st.SearchStrategy[tuple[t.Type, Json]]:
    """A type and a value of it."""
    return types.flatmap(lambda type_: st.tuples(st.just(type_), values(type_)))


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


DRESSES: dict[str, Callable[[Json], str]] = {
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
@settings(max_examples=200)
def test_a_dressed_value_is_that_value(case: tuple[t.Type, Json], dress: str) -> None:
    dressed_is_same(case, dress)


@pytest.mark.slow
@given(typed(KINDS), st.sampled_from(list(DRESSES)))
@settings(max_examples=share(20_000))
def test_a_dressed_value_of_any_type_is_that_value(case: tuple[t.Type, Json], dress: str) -> None:
    dressed_is_same(case, dress)


def dressed_is_same(case: tuple[t.Type, Json], dress: str) -> None:
    type_, value = case
    assume(type_ != t.TEXT and not isinstance(type_, t.Choice))
    # Between words a number or a word alone would be a guess.
    assume(dress != "prose" or isinstance(value, list | dict))
    assert same(read(DRESSES[dress](value), type_), value)


@given(typed())
@settings(max_examples=100)
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


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A text that is cut, lacks a character or has one more, or comes twice."""
    at = draw(st.integers(0, len(text)))
    added = draw(st.sampled_from("[]{}\"',:`\\ \n0129.-eNa/#"))
    between = draw(st.sampled_from(["\n", " ", ", "]))
    ways = [text[:at], text[:at] + text[at + 1 :], text[:at] + added + text[at:], text + between + text]
    return draw(st.sampled_from(ways))


@given(typed(), st.sampled_from(["as it is", "over lines"]), st.data())
@settings(max_examples=350)
def test_damage_never_makes_another_value(case: tuple[t.Type, Json], dress: str, data: st.DataObject) -> None:
    damage_is_seen(case, dress, data)


@pytest.mark.slow
@given(typed(KINDS), st.sampled_from(["as it is", "over lines"]), st.data())
@settings(max_examples=share(20_000))
def test_damage_never_makes_another_value_of_any_type(
    case: tuple[t.Type, Json], dress: str, data: st.DataObject
) -> None:
    damage_is_seen(case, dress, data)


def damage_is_seen(case: tuple[t.Type, Json], dress: str, data: st.DataObject) -> None:
    type_, value = case
    assume(type_ != t.TEXT and not isinstance(type_, t.Choice))
    text = data.draw(damaged(DRESSES[dress](value)))
    found = read(text, type_)
    assert found is NOTHING or same(found, value) or strictly(text, type_)


@given(typed(), st.sampled_from(list(DRESSES)), st.data())
@settings(max_examples=200)
def test_a_dressed_value_that_is_cut_is_none(case: tuple[t.Type, Json], dress: str, data: st.DataObject) -> None:
    type_, value = case
    assume(isinstance(value, list | dict))
    text = DRESSES[dress](value)
    found = read(text[: data.draw(st.integers(0, len(text) - 1))], type_)
    assert found is NOTHING or same(found, value)
