"""Schemas made strict, and answers taken out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowrun.runtime.providers.structured import OPENAI_KEYWORDS, Shape, clean, shape, unfence
from flowrun.runtime.vocabulary.call import Message, Request

NODE = {"type": "object", "properties": {"name": {"type": "string"}, "note": {"type": "string"}}, "required": ["name"]}


def make(schema: Any = None, choices: tuple[str, ...] = ()) -> Shape:
    made = shape(Request((Message("user", "x"),), schema=schema, choices=choices), OPENAI_KEYWORDS)
    assert made is not None
    return made


def test_plain_text_has_no_shape() -> None:
    assert shape(Request((Message("user", "x"),))) is None


def test_definitions_move_to_the_new_root() -> None:
    made = make({"type": "array", "items": {"$ref": "#/$defs/Node"}, "$defs": {"Node": NODE}})
    assert made.strict is not None
    assert made.strict["properties"]["answer"] == {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    node = made.strict["$defs"]["Node"]
    assert node["required"] == ["name", "note"]
    assert made.unwrap('{"answer": [{"name": "a", "note": null}, {"name": "b", "note": "c"}]}') == (
        '[{"name": "a"}, {"name": "b", "note": "c"}]'
    )


def test_a_null_that_the_schema_allows_stays() -> None:
    free = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    made = make({"type": "object", "properties": {"a": free, "b": free, "c": {"type": "integer"}}, "required": ["a"]})
    assert made.strict is not None
    assert made.strict["properties"]["b"] == free
    assert json.loads(made.unwrap('{"a": null, "b": null, "c": null}') or "") == {"a": None, "b": None}


def test_nulls_inside_a_union() -> None:
    made = make({"anyOf": [NODE, {"type": "null"}]})
    assert made.unwrap('{"answer": {"name": "a", "note": null}}') == '{"name": "a"}'
    assert made.unwrap('{"answer": null}') == "null"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array"},
        {"type": "array", "items": True},
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {"allOf": [NODE]},
        {},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
    ],
)
def test_what_no_strict_mode_can_promise(schema: dict[str, Any]) -> None:
    assert make(schema).strict is None


def test_constraints_that_are_not_taken_become_words() -> None:
    made = make({"type": "string", "minLength": 2, "default": "x", "description": "a name"})
    assert made.strict is not None
    assert made.strict["properties"]["answer"] == {"type": "string", "description": "a name (minLength: 2)"}


@pytest.mark.parametrize(
    ("schema", "text", "answer"),
    [
        ({"type": "integer"}, '{"answer": 3}', "3"),
        ({"type": "string"}, '{"answer": "a"}', '"a"'),
        ({"type": "integer"}, "3", None),
        ({"type": "integer"}, "{", None),
        ({"type": "integer"}, '{"reply": 3}', None),
        (NODE | {"required": ["name", "note"]}, '{"name": 1.10}', '{"name": 1.10}'),
        (NODE, "[]", None),
    ],
)
def test_unwrap(schema: dict[str, Any], text: str, answer: str | None) -> None:
    assert make(schema).unwrap(text) == answer


def test_choices() -> None:
    made = make(choices=("ja", "nein"))
    assert made.unwrap('```json\n{"answer": "ja"}\n```') == "ja"
    assert made.unwrap('{"answer": 3}') is None
    assert made.in_words(as_object=False).endswith('"ja", "nein"')


def test_the_same_schema_is_worked_out_once() -> None:
    schema = dict(NODE)
    assert make(schema) is make(schema)
    assert make(dict(NODE)) is make(schema)
    assert make({**NODE, "title": "another"}) is not make(schema)


def test_fences_and_surrogates() -> None:
    assert unfence("```\nx\n```") == "x"
    assert unfence("a ```x``` b") == "a ```x``` b"
    assert clean("ä\ud83d\ude00\udc00") == "ä\U0001f600\ufffd"
