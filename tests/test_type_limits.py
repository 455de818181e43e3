"""Limits of length in types: what fits what, what is sent to providers, and what is refused where a value comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.inputs.inputs import check_value
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.embedded.grammar import constraint
from flowrun.runtime.providers.lengths import without_long_lengths, without_text_lengths
from flowrun.runtime.providers.structured import ANTHROPIC_KEYWORDS, OPENAI_KEYWORDS, shape
from flowrun.runtime.vocabulary.call import Message, Request, Schema
from flowrun.runtime.vocabulary.errors import InputError, MalformedError
from flowrun.runtime.vocabulary.tokens import estimate
from support.command_line import command
from support.harness import stage

SHORT, LONG, FROM_3 = t.SizedText(0, 5), t.SizedText(1, 140), t.SizedText(3, None)
PAIR, SOME, ANY = t.ListOf(t.TEXT, least=2, most=2), t.ListOf(t.TEXT, least=1), t.ListOf(t.TEXT)
POST = t.Record((t.Field("text", LONG, "the post"), t.Field("tags", t.ListOf(SHORT, most=3))))

FITS = {
    "a limited text is a text": (SHORT, t.TEXT, True),
    "a text may be too long": (t.TEXT, LONG, False),
    "a document may be too long": (t.DOCUMENT, LONG, False),
    "a limited text is a document": (LONG, t.DOCUMENT, True),
    "inside": (t.SizedText(1, 5), LONG, True),
    "too short": (SHORT, LONG, False),
    "no greatest": (FROM_3, LONG, False),
    "words": (t.Choice(("red", "blue")), SHORT, True),
    "a long word": (t.Choice(("red", "yellow")), SHORT, False),
    "a limited list is a list": (PAIR, ANY, True),
    "a list may be empty": (ANY, SOME, False),
    "a pair is not empty": (PAIR, SOME, True),
    "items": (t.ListOf(t.TEXT, least=1, most=2), t.ListOf(SHORT, least=1, most=2), False),
    "missing": (SHORT, t.Optional(t.TEXT), True),
    "json": (POST, t.JSON, True),
}


@pytest.mark.parametrize(("given", "wanted", "right"), FITS.values(), ids=FITS)
def test_which_type_fits(given: t.Type, wanted: t.Type, right: bool) -> None:
    assert t.fits(given, wanted) is right


JOINS = {
    "two limits": ([SHORT, LONG], t.SizedText(0, 140)),
    "no greatest": ([SHORT, FROM_3], t.SizedText(0, None)),
    "a text": ([SHORT, t.TEXT], t.TEXT),
    "short words": ([SHORT, t.Choice(("red",))], SHORT),
    "long words": ([SHORT, t.Choice(("yellow",))], t.TEXT),
    "lists": ([PAIR, SOME], SOME),
    "an empty list": ([PAIR, t.ListOf(t.UNKNOWN)], ANY),
}


@pytest.mark.parametrize(("types", "joined"), JOINS.values(), ids=JOINS)
def test_the_common_type(types: list[t.Type], joined: t.Type) -> None:
    assert t.join(types) == t.join(types[::-1]) == joined
    assert all(t.fits(one, joined) for one in types)


@pytest.mark.parametrize("type_", [SHORT, LONG, FROM_3, PAIR, SOME, POST.fields[1].type], ids=t.show)
def test_a_type_is_read_as_it_is_shown(type_: t.Type) -> None:
    flow = f'flow f() {{ a = ask "x" -> {t.show(type_)} return a }}'
    plan = make_plan(check_flow(Source(flow), catalog()))
    (step,) = plan.steps
    assert isinstance(step.node, p.Ask) and step.node.answer == step.type == type_
    assert p.from_json(p.to_json(plan)) == plan
    verify(plan)


def test_other_plans_say_nothing_of_lengths() -> None:
    plan = make_plan(check_flow(Source('flow f() { a = ask "x" -> [text] return a }'), catalog()))
    assert '"type":{"item":{"kind":"text"},"kind":"list"}' in p.to_json(plan)


# The schema


def test_the_schema_has_the_limits() -> None:
    assert t.json_schema(POST)["properties"] == {
        "text": {"type": "string", "minLength": 1, "maxLength": 140, "description": "the post"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
    }
    assert t.json_schema(FROM_3) == {"type": "string", "minLength": 3}


def sent(keywords: frozenset[str]) -> Any:
    made = shape(Request((Message("user", "x"),), schema=Schema(t.json_schema(POST))), keywords)
    assert made is not None and made.strict is not None
    return made.strict["properties"]


def test_a_provider_gets_the_limits_that_it_knows_and_words_for_the_others() -> None:
    # OpenAI's strict mode takes the lengths of lists; neither it nor Anthropic's takes those of texts.
    text = {"type": "string", "description": "the post (minLength: 1, maxLength: 140)"}
    item = {"type": "string", "description": "maxLength: 5"}
    assert sent(OPENAI_KEYWORDS) == {"text": text, "tags": {"type": "array", "items": item, "maxItems": 3}}
    assert sent(ANTHROPIC_KEYWORDS)["tags"] == {"type": "array", "items": item, "description": "maxItems: 3"}
    assert without_text_lengths(t.json_schema(POST))["properties"] == sent(OPENAI_KEYWORDS)


def test_a_field_may_have_the_name_of_a_limit() -> None:
    schema = t.json_schema(t.Record((t.Field("maxLength", t.INT), t.Field("b", SHORT))))
    assert without_text_lengths(schema)["properties"]["maxLength"] == {"type": "integer"}
    assert without_text_lengths(t.json_schema(t.Optional(SHORT)))["anyOf"][0]["description"] == "maxLength: 5"


def test_the_embedded_model_gets_no_limit_that_its_grammar_would_repeat_too_often() -> None:
    schema = t.json_schema(t.Record((t.Field("a", t.SizedText(0, 5_000)), t.Field("b", SHORT))))
    request = Request((Message("user", "x"),), schema=Schema(schema))
    made = constraint(request)["response_format"]["json_schema"]["schema"]["properties"]
    assert made == {"a": {"type": "string", "description": "maxLength: 5000"}, "b": {"type": "string", "maxLength": 5}}
    assert without_long_lengths(t.json_schema(POST)) == t.json_schema(POST)


# Answers

ANSWERS: dict[str, tuple[t.Type, str, Any]] = {
    "plain": (LONG, "hello there", "hello there"),
    "JSON": (LONG, '"hello"', "hello"),
    "blanks around it": (SHORT, "\n hello \n", "hello"),
    "signs count once": (t.SizedText(2, 2), "\U0001f600\u00e9", "\U0001f600\u00e9"),
    "a list": (PAIR, '["a", "b"]', ["a", "b"]),
    "a record": (POST, '{"text": "a", "tags": []}', {"text": "a", "tags": []}),
    "none": (t.Optional(PAIR), "null", None),
}


@pytest.mark.parametrize(("type_", "text", "value"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_within_its_limits(type_: t.Type, text: str, value: Any) -> None:
    assert read_answer(text, type_) == value


WRONG: dict[str, tuple[t.Type, str, str]] = {
    "too long": (SHORT, "hello there", "has 11 characters"),
    "too long in JSON": (SHORT, '"hello there"', "has 11 characters"),
    "too short": (FROM_3, "no", "has 2 characters"),
    "a short list": (PAIR, '["a"]', "2 items"),
    "a long list": (PAIR, '["a", "b", "c"]', "2 items"),
    "a field": (POST, json.dumps({"text": "x" * 141, "tags": []}), "at `text`: string should have at most 140 char"),
    "an item": (POST, '{"text": "a", "tags": ["abcdef"]}', "at `tags.0`: string should have at most 5 characters"),
}


@pytest.mark.parametrize(("type_", "text", "said"), WRONG.values(), ids=WRONG)
def test_an_answer_beyond_its_limits(type_: t.Type, text: str, said: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read_answer(text, type_)
    assert said in caught.value.why
    assert caught.value.text == text


def test_the_model_is_asked_again() -> None:
    texts = iter(["much too long", "short"])
    ran = stage('flow f() { a = ask "x" -> text(max: 5) return a }', lambda request, number: next(texts))
    assert ran.outcome.value == "short"
    said = ran.provider.calls[1].messages[-1].text
    assert "it has 13 characters. Expected: text(max: 5)." in said


# Values from outside

INPUTS: dict[str, tuple[t.Type, Any, str]] = {
    "a text": (SHORT, "too long", "expected text(max: 5), found 8 characters"),
    "a list": (PAIR, ["a"], "expected [text](2..2), found 1 element"),
    "deep": (POST, {"text": "", "tags": []}, "expected text(min: 1, max: 140), found 0 characters"),
    "no text": (SHORT, 5, "expected text(max: 5), found the number 5"),
}


@pytest.mark.parametrize(("type_", "value", "said"), INPUTS.values(), ids=INPUTS)
def test_an_input_beyond_its_limits(type_: t.Type, value: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_value(value, type_, "x")
    assert said in str(caught.value)


FLOW = 'flow f(note: text(max: 5) = "", rows: [{ a: text(max: 3) }](1..2) = [{ a: "x" }]) { return { note, rows } }\n'


async def test_python_and_the_command_hold_inputs_to_their_limits(tmp_path: Path) -> None:
    flow = tmp_path / "f.flow"
    flow.write_text(FLOW)
    (tmp_path / "rows.jsonl").write_text('{"a": "x"}\n{"a": "y"}\n{"a": "z"}\n')
    (tmp_path / "cells.csv").write_text("a\nabc\nabcd\n")
    (tmp_path / "note.txt").write_text("hello")
    assert (await run_async(flow, {"note": "hello"})).value["note"] == "hello"
    with pytest.raises(InputError, match="found 9 characters"):
        await run_async(flow, {"note": "too long!"})
    with pytest.raises(InputError, match="found 3 elements"):
        await run_async(flow, {"rows": [{"a": "x"}] * 3})
    for given, said in {
        ("--note", "@note.txt"): "",
        ("--note", "too long!"): "expected text(max: 5), found 9 characters",
        ("--rows", "rows.jsonl"): "expected [{ a: text(max: 3) }](1..2), found 3 elements",
        ("--rows", "cells.csv"): "expected text(max: 3), found 4 characters",
    }.items():
        done = await command("f.flow", *given, folder=tmp_path)
        assert (done.code != 0) is bool(said)
        assert said in done.err


# Bounds

BOUNDED = """
flow f(x: text) {
  short = ask "{{ x }}" -> text(max: 20) with retries: 0
  tags = ask "{{ x }}" -> [text(max: 10)](1..3) with retries: 0
  each = map tag in tags { ask "{{ tag }} {{ short }}" -> yes | no with retries: 0 } reduce collect
  return each
}
"""


def test_limits_bound_the_calls_and_the_tokens_behind_them() -> None:
    plan = make_plan(check_flow(Source(BOUNDED), catalog()))
    bounds = estimate_plan(plan, {"x": "hi"}, Files(Path()), environ={})
    assert (bounds.calls.least, bounds.calls.most) == (3, 5)
    assert bounds.tokens_in.most is not None and bounds.tokens_out.most is not None
    emoji = "\U0001f9d1\u200d\U0001f33e" * 3

    def script(request: Request, number: int) -> str:
        if request.choices:
            return "yes"
        kind = (request.schema or {}).get("type")
        return json.dumps([emoji[:9] + "!"] * 3 if kind == "array" else emoji[:9] * 2 + "!!", ensure_ascii=False)

    ran = stage(BOUNDED, script, {"x": "hi"})
    assert ran.outcome.value == ["yes"] * 3
    shown = sum(estimate(message.text) for call in ran.provider.calls for message in call.messages)
    assert shown <= bounds.tokens_in.most


def test_a_map_over_a_limited_list_needs_no_at_most() -> None:
    text = """
    flow f(x: text) {
      tags = ask "{{ x }}" -> [text]SIZE
      each = map tag in tags { ask "{{ tag }}" } reduce collect
      return each
    }
    """
    found = {
        size: [one.code for one in check_flow(Source(text.replace("SIZE", size)), catalog()).warnings]
        for size in ("", "(1..)", "(0..9)")
    }
    assert found == {"": ["F0710"], "(1..)": ["F0710"], "(0..9)": []}


def test_a_reducer_without_results_has_no_value_if_its_answer_cannot_be_empty() -> None:
    text = 'flow f(xs: [text]) { a = map x in xs { ask "{{ x }}" } reduce ask "{{ results }}" -> TYPE return a }'
    ends = {}
    for type_ in ("text(max: 9)", "text(min: 1)", "[text](0..3)", "[text](1..)"):
        ran = stage(text.replace("TYPE", type_), lambda request, number: "x", {"xs": []})
        ends[type_] = ran.outcome.value if ran.outcome.complete else "failed"
    assert ends == {"text(max: 9)": "", "text(min: 1)": "failed", "[text](0..3)": [], "[text](1..)": "failed"}


def test_a_sum_of_lists_has_no_limit_of_its_parts() -> None:
    text = "flow f(a: [text](1..2)) { b = a + a c = g(xs: b) return c } flow g(xs: [text](1..2)) { return xs }"
    with pytest.raises(Exception, match="F0301"):
        check_flow(Source(text), catalog())


async def test_an_extern_is_held_to_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "limited_words.py").write_text("def word():\n    return 'four'\n")
    monkeypatch.syspath_prepend(tmp_path)
    flow = tmp_path / "f.flow"
    flow.write_text('extern word() -> text(max: 3) from "limited_words:word"\nflow f() { a = word() return a }\n')
    result = await run_async(flow, options=RunOptions(allow_python=True))
    assert not result.ok
    assert "expected text(max: 3), found 4 characters" in result.failures[0].reason


async def test_files_and_large_lists_keep_the_limits(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name, text in {"a.txt": "abc", "b.txt": "abcd"}.items():
        (tmp_path / "texts" / name).write_text(text)
    (tmp_path / "lines.txt").write_text("abc\nabcd\n")
    (tmp_path / "large.jsonl").write_text('{"a": "x"}\n' * 200_000)
    (tmp_path / "f.flow").write_text(
        'flow f(rows: [{ a: text }](1..9) = [{ a: "x" }], one: [text(max: 3)] = []) {\n'
        '  n = map row in rows { w = row.a != "" } reduce count\n'
        "  return { n, one }\n}\n"
    )
    for given, said in {
        ("--rows", "large.jsonl"): "found 200,000 elements",
        ("--one", "texts/"): "expected text(max: 3), found 4 characters",
        ("--one", "lines.txt"): "expected text(max: 3), found 4 characters",
    }.items():
        done = await command("f.flow", *given, folder=tmp_path)
        assert done.code != 0 and said in done.err, done
