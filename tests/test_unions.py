"""Values of unions: answers, inputs, rows, schemas, and what is known of a value behind its tag."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan, types
from flowrun.runtime import run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.inputs.inputs import check_value
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.structured import ANTHROPIC_KEYWORDS, OPENAI_KEYWORDS, shape
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import InputError, MalformedError, PlanError
from support.harness import Run, planned

Json = Any
HEAD = """
type Weather = { id: int  kind: "weather"  city: text  day: int? }
type Mail = { id: int  kind: "mail"  to: text }
type Call = Weather | Mail
"""
ACT = (
    HEAD
    + """
flow act(question: text, calls: [Call]) {
  call = ask "Which? {{ question }}" -> Call
  told = ask "{% if call.kind == 'weather' %}In {{ call.city }}{% else %}To {{ call.to }}{% endif %}"
  done = match call.kind { weather = call.city mail = call.to }
  towns = map one in calls where one.kind == weather { one.city } reduce collect
  return { id: call.id, told, done, towns }
}
"""
)


def call() -> types.Union:
    found = planned(ACT).params[1].type
    assert isinstance(found, types.ListOf) and isinstance(found.item, types.Union)
    return found.item


WEATHER = {"id": 1, "kind": "weather", "city": "Rome", "day": None}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ('{"kind": "weather", "id": 1, "city": "Rome"}', WEATHER),
        ('{"kind": " Weather.", "id": 1, "city": "Rome", "day": null}', WEATHER),
        ('```json\n{"id": 2, "kind": "mail", "to": "a"}\n```', {"id": 2, "kind": "mail", "to": "a"}),
        ('"{\\"id\\": 2, \\"kind\\": \\"mail\\", \\"to\\": \\"a\\"}"', {"id": 2, "kind": "mail", "to": "a"}),
    ],
)
def test_an_answer_is_the_record_of_its_tag(said: str, read: Json) -> None:
    assert read_answer(said, call()) == read


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"id": 2, "kind": "post", "to": "a"}', "`kind` must be `weather` or `mail`"),
        ('{"id": 2, "to": "a"}', "`kind` must be `weather` or `mail`"),
        ('{"id": 2, "kind": "mail", "city": "Rome"}', "mail.to"),
        ('{"id": 2, "kind": "mail", "to": "a", "city": "Rome"}', "mail.city"),
        ('["mail"]', "`kind` must be `weather` or `mail`"),
        ("mail", "expected Call"),
        ('{"id": 2, "kind": ["mail"], "to": "a"}', "`kind` must be `weather` or `mail`"),
    ],
)
def test_an_answer_without_a_member_is_malformed(said: str, why: str) -> None:
    with pytest.raises(MalformedError) as refused:
        read_answer(said, call())
    assert why in str(refused.value)


def test_the_tag_comes_first_in_the_schema() -> None:
    schema = types.json_schema(call())
    assert [next(iter(one["properties"])) for one in schema["anyOf"]] == ["kind", "kind"]
    assert [one["properties"]["kind"]["enum"] for one in schema["anyOf"]] == [["weather"], ["mail"]]


@pytest.mark.parametrize("keywords", [OPENAI_KEYWORDS, ANTHROPIC_KEYWORDS])
def test_strict_servers_get_the_union_as_a_field(keywords: frozenset[str]) -> None:
    made = shape(Request((Message("user", "x"),), schema=types.json_schema(call())), keywords)
    assert made is not None and made.strict is not None and made.wrapped
    members = made.strict["properties"]["answer"]["anyOf"]
    assert all(sorted(one["required"]) == sorted(one["properties"]) for one in members)
    assert all(one["additionalProperties"] is False for one in members)
    said = '{"answer": {"kind": "weather", "id": 1, "city": "Rome", "day": null}}'
    assert read_answer(made.unwrap(said) or "", call()) == WEATHER


def test_a_null_stays_with_the_member_that_it_belongs_to() -> None:
    one = {"type": "object", "properties": {"k": {"type": "string", "enum": ["a"]}, "x": {"type": "string"}}}
    other = {
        "type": "object",
        "properties": {"k": {"type": "string", "enum": ["b"]}, "x": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    }
    members = [{**one, "required": ["k"]}, {**other, "required": ["k", "x"]}]
    made = shape(Request((Message("user", "x"),), schema={"anyOf": members}))
    assert made is not None
    assert json.loads(made.unwrap('{"answer": {"k": "b", "x": null}}') or "") == {"k": "b", "x": None}
    assert json.loads(made.unwrap('{"answer": {"k": "a", "x": null}}') or "") == {"k": "a"}


# Inputs


def test_rows_have_the_fields_of_their_member(tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    table.write_text("kind,id,city,to,more\nweather,1,Rome,,x\nMAIL,2,,a,\n", encoding="utf-8")
    lines = tmp_path / "calls.jsonl"
    lines.write_text('{"kind": "weather", "id": 1, "city": "Rome"}\n{"id": 2, "kind": "mail", "to": "a"}\n', "utf-8")
    for path in (table, lines):
        read = list(check_value(path, types.ListOf(call()), "calls"))
        assert read == [WEATHER, {"id": 2, "kind": "mail", "to": "a"}]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ('{"id": 1, "city": "Rome"}', "the field `kind` is missing, which says `weather` or `mail`"),
        ('{"id": 1, "kind": "male", "to": "a"}', "did you mean `mail`?"),
        ('{"id": 1, "kind": 3}', "expected `weather` or `mail`, found the number 3"),
        ('{"id": 1, "kind": "mail"}', "the field `to` is missing"),
        ("3", "expected Call, found the number 3"),
    ],
)
def test_a_row_without_a_member_is_refused(row: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        list(check_value(path, types.ListOf(call()), "calls"))
    assert why in str(refused.value)


def test_a_table_needs_the_column_of_the_tag(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,city,to\n1,Rome,\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column `kind`"):
        list(check_value(path, types.ListOf(call()), "calls"))


@dataclass
class Letter:
    """A value of Python that is a member of the union."""

    id: int
    kind: str
    to: str


async def test_python_objects_are_members() -> None:
    text = HEAD + "flow f(calls: [Call]) { return calls }"
    result = await run_async(check_flow(Source(text), catalog()), calls=[Letter(2, "mail", "a"), {**WEATHER, "x": 1}])
    assert result.value == [{"id": 2, "kind": "mail", "to": "a"}, WEATHER]


# Runs


def test_a_run_reads_what_the_tag_allows() -> None:
    calls = [WEATHER, {"id": 2, "kind": "mail", "to": "a"}]
    run = Run(
        ACT,
        lambda request, number: (
            '{"kind": "Mail", "id": 7, "to": "b"}' if "Which" in request.messages[-1].text else "ok"
        ),
        inputs={"question": "q", "calls": calls},
    )
    assert run.go().value == {"id": 7, "told": "ok", "done": "b", "towns": ["Rome"]}
    assert run.prompts == ["Which? q", "To b"]


def test_a_value_keeps_only_the_fields_of_its_member() -> None:
    text = (
        HEAD
        + """
flow inner(call: Call) {
  return call
}
flow f(on: bool) {
  x = inner({ kind: "mail", id: 1, to: "a", city: "hidden" })
  return x
}
"""
    )
    assert Run(text, inputs={"on": True}).go().value == {"id": 1, "kind": "mail", "to": "a"}


def test_a_plan_keeps_its_unions() -> None:
    made = planned(ACT)
    assert plan.from_json(plan.to_json(made)) == made
    data = json.loads(plan.to_json(made))
    step = next(one for one in data["steps"] if one["name"] == "call")
    step["node"]["answer"]["members"][1]["fields"][1]["type"]["options"] = ["weather"]
    with pytest.raises(PlanError, match="two members of this union have the tag `weather`"):
        verify(plan.from_json(json.dumps(data)))


def test_an_edited_branch_reads_no_field_of_another_member() -> None:
    data = json.loads(plan.to_json(make_plan(check_flow(Source(ACT), catalog()))))
    node = next(one for one in data["steps"] if one["name"] == "done")["node"]
    node["classes"].reverse()
    with pytest.raises(PlanError, match="has no field"):
        verify(plan.from_json(json.dumps(data)))


WEATHER_TYPE, MAIL_TYPE = call().members


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (WEATHER_TYPE, call(), True),
        (call(), WEATHER_TYPE, False),
        (call(), types.Record((types.Field("id", types.INT),)), True),
        (call(), types.JSON, True),
        (types.Union((MAIL_TYPE, WEATHER_TYPE), "kind"), call(), True),
        (types.Optional(call()), call(), False),
        (types.TEXT, call(), False),
    ],
)
def test_which_types_fit(given: types.Type, wanted: types.Type, fits: bool) -> None:
    assert types.fits(given, wanted) is fits


def test_what_unions_and_records_have_in_common() -> None:
    assert types.join([call(), MAIL_TYPE]) == call()
    assert types.join([MAIL_TYPE, call()]) == call()
    other = types.Record((types.Field("id", types.INT), types.Field("x", types.TEXT)))
    joined = types.join([call(), other])
    assert isinstance(joined, types.Record)
    assert {field.name: isinstance(field.type, types.Optional) for field in joined.fields} == {
        "id": False, "kind": True, "city": True, "day": True, "to": True, "x": True,
    }  # fmt: skip
