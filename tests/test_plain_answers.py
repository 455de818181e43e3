"""The reading of answers where pydantic is not installed, compared with the reading by pydantic."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import types as t
from flowrun.runtime.engine import answers
from flowrun.runtime.vocabulary.errors import AnswerError

NAMES = ("kind", "a", "b")
WORDS = ("low", "High", "it's")
SIMPLE = (t.TEXT, t.INT, t.NUMBER, t.BOOL)


@st.composite
def records(draw: st.DrawFn, inner: st.SearchStrategy[t.Type]) -> t.Type:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return t.Record(tuple(t.Field(name, draw(inner)) for name in names), draw(st.sampled_from(["", "Row"])))


@st.composite
def unions(draw: st.DrawFn, inner: st.SearchStrategy[t.Type]) -> t.Type:
    members = tuple(
        t.Record((t.Field("kind", t.Choice((word,))), t.Field("a", draw(inner))), word.title()) for word in ("x", "y")
    )
    return t.Union(members, "kind")


def inside(inner: st.SearchStrategy[t.Type]) -> st.SearchStrategy[t.Type]:
    limits = st.tuples(st.integers(0, 2), st.sampled_from([None, 2, 3]))
    return (
        st.builds(lambda item, most: t.ListOf(item, least=most[0], most=most[1]), inner, limits)
        | st.builds(t.Optional, inner.filter(lambda one: not isinstance(one, t.Optional)))
        | records(inner)
        | unions(inner)
    )


TYPES = st.recursive(
    st.sampled_from(
        [*SIMPLE, t.Choice(WORDS), t.Choice(("low", "high")), t.OpenChoice(WORDS), t.Range(1, 5), t.SizedText(1, 4)]
    ),
    inside,
    max_leaves=5,
)
LEAVES = st.sampled_from(
    [None, True, 0, 3, 3.0, 2.5, 9, 1e300, "", "LOW", "high.", "it's", "x", "long text", "[1]", "{}"]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*NAMES, "c"]), inner, max_size=4),
    max_leaves=8,
)


def told(read: Callable[[str, t.Type], Any], text: str, type_: t.Type) -> tuple[str, str]:
    try:
        return "value", repr(read(text, type_))
    except AnswerError as error:
        return "error", str(error)


def fitting(type_: t.Type) -> st.SearchStrategy[Any]:
    """Values that mostly fit a type."""
    match type_:
        case t.ListOf(item):
            return st.lists(fitting(item), max_size=3)
        case t.Optional(item):
            return st.none() | fitting(item)
        case t.Record(fields, _):
            return st.fixed_dictionaries({one.name: fitting(one.type) for one in fields})
        case t.Union():
            return st.one_of(*map(fitting, type_.members))
        case t.Choice(options):
            return st.sampled_from(options)
        case t.Simple("int") | t.Range():
            return st.integers(0, 6)
        case t.Simple("number"):
            return st.sampled_from([1, 2.0, 2.5])
        case t.Simple("bool"):
            return st.booleans()
    return st.sampled_from(["low", "some", ""])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_two_readers_say_the_same(data: st.DataObject) -> None:
    type_: Any = data.draw(TYPES)
    text = json.dumps(data.draw(VALUES | fitting(type_)))
    assert told(answers._data_without_pydantic, text, type_) == told(answers._data, text, type_)


def test_an_answer_is_read_where_pydantic_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pydantic", None)
    type_ = t.ListOf(t.Choice(("SPAM", "NOT")))
    assert answers.read_answer('["spam", "NOT."]', type_) == ["SPAM", "NOT"]
    with pytest.raises(AnswerError, match="does not fit at `0`: input should be 'spam' or 'not'"):
        answers.read_answer('["other"]', type_)
