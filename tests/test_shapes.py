"""A value has the fields of its type: where it crosses into a narrower one, and where types of several shapes meet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.decisions import Decision, Finish, Launch, LaunchExtern, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.rules import FileText
from flowrun.runtime.vocabulary.call import Answer
from support.harness import functions

Json = Any


class Run:
    """A flow run to its end; every call is answered with the same text."""

    def __init__(self, text: str, said: str = "x", plan: p.Plan | None = None, **inputs: Json) -> None:
        self.plan = plan or make_plan(check_flow(Source(text), catalog()))
        self.prompts: list[str] = []
        self.args: list[Mapping[str, Json]] = []

        state = State(self.plan, inputs, Context({}, ModelValue("m", "m"), functions))
        todo: list[Decision] = state.begin()
        while todo:
            match todo.pop(0):
                case Launch(call):
                    self.prompts.append(call.request.messages[-1].text)
                    todo += state.answered(call.number, Answer(said))
                case LaunchExtern(number, _, _, args):
                    self.args.append(args)
                    todo += state.returned(number, None)
                case Finish(outcome):
                    self.outcome: Outcome = outcome

    @property
    def value(self) -> Json:
        assert self.outcome.complete, self.outcome.failures
        return self.outcome.value


def codes(text: str) -> list[str]:
    try:
        check_flow(Source(text), catalog())
    except FlowError as error:
        return sorted({found.code for found in error.diagnostics if found.severity == "error"})
    return []


WIDE = "{ a: 1, b: 5 }"
CALLED = f"""
flow f(row: {{ a: int }}) {{
  v = ask "{{{{ row }}}}"
  return v
}}
flow main() {{
  v = f(row: {WIDE})
  return v
}}
"""


@pytest.mark.parametrize(
    ("inner", "given", "value"),
    [
        ('row: { a: int }) { return { b: "words", ..row }', WIDE, {"b": "words", "a": 1}),
        ("row: { a: int }) { return row", WIDE, {"a": 1}),
        ("row: { a: int }) { return row == { a: 1 }", WIDE, True),
        ("row: { a: int }) { return length(row)", WIDE, 1),
        ("row: { a: int }?) { return row", WIDE, {"a": 1}),
        ("row: [{ a: int }]) { return row", f"[{WIDE}]", [{"a": 1}]),
        ("row: { in: { a: int } }) { return row", f"{{ in: {WIDE} }}", {"in": {"a": 1}}),
        ("row: { in: [{ a: int }]? }) { return row", f"{{ in: [{WIDE}] }}", {"in": [{"a": 1}]}),
        ("row: { a: int, c: text? }) { return row", WIDE, {"a": 1, "c": None}),
        (f"row: {{ a: int }} = {WIDE}) {{ return row", "", {"a": 1}),
        ('row: { a: int, b: text? }) { return row.b ?? "none"', "{ a: 1 }", "none"),
        ('row: { a: int, b: text? }) { return { b: "words", ..row }', "{ a: 1 }", {"b": None, "a": 1}),
        (
            'row: { a: int }) { v = fanout { x = row y = chain { { b: "w" } } } reduce merge\n return v',
            WIDE,
            {"a": 1, "b": "w"},
        ),
        (
            "row: [{ a: int }]) { v = map e in row { { b: 0, ..e } } reduce collect\n return v",
            f"[{WIDE}]",
            [{"b": 0, "a": 1}],
        ),
    ],
)  # fmt: skip
def test_fields_that_a_type_does_not_have_are_left_behind(inner: str, given: str, value: Json) -> None:
    given = f"row: {given}" if given else ""
    run = Run(f"flow f({inner}\n}}\nflow main() {{\n  v = f({given})\n  return v\n}}")
    assert run.value == value


def test_a_prompt_shows_the_fields_of_the_type_however_a_flow_is_called() -> None:
    assert Run(CALLED).prompts == ['{"a": 1}']


def test_a_value_that_loses_nothing_is_shown_as_it_is() -> None:
    """Neither the plan nor the prompt changes where no field is left behind, so that answers are used again."""
    run = Run(CALLED.replace("{ a: int }", "{ a: int, b: text? }").replace(WIDE, "{ a: 1 }"))
    assert run.prompts == ['{"a": 1}']
    assert "shape" not in p.to_json(run.plan)


def test_plans_that_do_not_cut_values_run_as_they_did() -> None:
    plan = p.as_data(make_plan(check_flow(Source(CALLED), catalog())))
    args = plan["steps"][0]["node"]["args"]
    assert args["row"]["kind"] == "shape"
    args["row"] = args["row"]["value"]
    assert Run("", plan=p.from_json(json.dumps(plan))).prompts == ['{"a": 1, "b": 5}']


def test_a_file_that_loses_its_path_is_still_shown_as_its_text() -> None:
    text = CALLED.replace("{ a: int }", "{ text: text }").replace("main()", "main(x: { text: text, path: text })")
    text = text.replace(WIDE, "x")
    assert Run(text, x=FileText(path="a.md", text="words")).prompts == ["words"]


def test_externs_get_the_fields_that_they_declare() -> None:
    text = f"""
extern one(row: {{ a: int }}) -> json from "m:f"
extern all(results: [{{ a: int }}]) -> json from "m:f"
flow main() {{
  x = one(row: {WIDE})
  y = map e in [{WIDE}] {{ e }} reduce all
  return [x, y]
}}"""
    run = Run(text)
    assert run.value == [None, None]
    assert run.args == [{"row": {"a": 1}}, {"results": [{"a": 1}]}]


# Shapes that meet


def test_a_list_of_several_shapes_has_fields_that_may_be_missing() -> None:
    text = """flow main() {
  rows = [{ a: 1 }, { b: "w" }]
  v = map row in rows {
    { a: row.a ?? 0, b: text "{% if row.b %}{{ row.b }}{% endif %}{{ row.b | default('-') }}" }
  } reduce collect
  shown = text "{{ rows }}{{ rows | unique(attribute='a') | length }}"
  return { v, shown }
}"""
    value = Run(text).value
    assert value["v"] == [{"a": 1, "b": "-"}, {"a": 0, "b": "ww"}]
    assert value["shown"] == '[{"a": 1}, {"b": "w"}]2'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("v = map row in [{ a: 1 }, { b: 2 }] { w = row.a + 1 } reduce collect", "F0306"),
        ('v = map row in [{ a: 1 }, { b: 2 }] { text "{{ row.a }}" } reduce collect', "F0306"),
        ('v = map row in [1, "a"] { row.a } reduce collect', "F0302"),
        ('v = map row in [1, "a"] { text "{{ row | upper }}" } reduce collect', "F0301"),
        ("v = text \"{% for row in [1, 'a'] %}{{ row + 1 }}{% endfor %}\"", "F0301"),
        ("y = o ?? 5\n v = y.a", "F0302"),
        ('y = { a: 1 } when p else "k"\n v = y.a', "F0302"),
        ("v = { a: 1 } when p else { b: 2 }\n w = v.a + 1", "F0306"),
        ("v = fanout { x = { a: 1 } y = { b: 2 } } reduce first\n w = v.a + 1", "F0306"),
        ("v = map e in j { w = e + 1 } reduce collect", "F0301"),
        ('v = map e in j { { b: "w", ..e } } reduce collect', "F0301"),
        ("v = { ..j }", "F0301"),
        ("v = 5 in o2", "F0301"),
        ('v = map e in ["x"] { ask "k {{ e }}" } reduce by 2 ask "m" -> YES | NO', "F0301"),
        ('v = map e in ["x"] { ask "k {{ e }}" -> 1..5 } reduce by tokens(9) ask "m" -> 1..3', "F0301"),
        ('v = fanout { x = ask "k" -> { a: int } } reduce by 2 ask "m" -> { a: 1..5 }', "F0301"),
        ('v = map e in ["x"] { ask "k {{ e }}" when p } reduce by 2 ask "m"\n w = v + "a"', "F0306"),
        ('v = map e in ["x"] { { a: 1 } when p } reduce fold ask "{{ next.a }}" -> { a: int }', "F0306"),
        ("v = text \"{{ ('a' if p) ~ 'b' }}\"", "F0306"),
        ("v = text \"{{ 'b' ~ (('a' if p)) ~ 'b' }}\"", "F0306"),
        ("v = text \"{% set q = ('a' if p) ~ 'b' %}{{ q }}\"", "F0306"),
        ("v = text \"{{ ('a' if p) | upper }}\"", "F0306"),
        ("v = text \"{{ ['a', ('b' if p) ~ 'c'] | join }}\"", "F0306"),
        ("v = text \"{{ ('a' if p) + 'b' }}\"", "F0306"),
        ("v = text \"{{ 'x' if ('a' if p) < 'b' }}\"", "F0306"),
        ("v = text \"{% for x in (['a'] if p) %}{{ x }}{% endfor %}\"", "F0306"),
        ("v = text \"{{ 'a' in ('abc' if p) }}\"", "F0306"),
    ],
)
def test_what_may_not_be_there_is_told(body: str, code: str) -> None:
    text = f"flow main(p: bool, j: json, o: text?, o2: text) {{\n {body}\n return v\n}}"
    assert codes(text) == [code]


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ 'a' if p }}b", "b"),
        ("{{ ('a' if p) | default('-') }}", "-"),
        ("{{ ('a' if p) is defined }}", "false"),
        ("{{ ('a' if p else 'c') ~ 'b' }}", "cb"),
        ("{{ (('a' if p) | default('-')) ~ 'b' }}", "-b"),
        ("{{ [1, 2] | sum(start=0.5) }}", "3.5"),
    ],
)
def test_what_is_guarded_is_not_told(template: str, shown: str) -> None:
    assert Run(f'flow main(p: bool) {{\n v = text "{template}"\n return v\n}}', p=False).value == shown


def test_a_field_that_json_does_not_have_is_none() -> None:
    text = "flow main(j: json) {\n v = [j.a ?? 1, j.a.b ?? 2, j ?? 3, j.b == 5]\n return v\n}"
    assert Run(text, j={"b": 5}).value == [1, 2, {"b": 5}, True]
    assert Run(text, j=None).value == [1, 2, 3, False]


@pytest.mark.parametrize(("count", "value"), [(0, ""), (1, "aye"), (2, "said"), (3, "said")])
def test_a_tree_is_of_its_type_over_any_number_of_results(count: int, value: str) -> None:
    text = """flow main(xs: [text]) {
  v = map x in xs at most 3 { x } reduce by 2 ask "m {{ results }}"
  return v
}"""
    assert Run(text, "said", xs=["aye"] * count).value == value


def test_a_tree_over_more_than_one_result_may_answer_with_less() -> None:
    assert codes('flow main() {\n v = repeat 2 { ask "k" } reduce by 2 ask "m" -> YES | NO\n return v\n}') == []
    assert codes('flow main() {\n v = repeat 1 { ask "k" } reduce by 2 ask "m" -> YES | NO\n return v\n}') == ["F0301"]
