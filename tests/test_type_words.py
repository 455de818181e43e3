"""Names of models and names of types as values: who said it, and all words of a type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.errors import PlanError
from support.harness import Run, planned
from support.random_runs import HERE

MODELS = 'model fast = "openai:gpt-4o-mini"\nmodel smart = "openai:gpt-4o" else "openai:gpt-4.1"\n'
LABEL = 'type Label = spam | fine | "two words"\n'


def value(text: str | plan.Plan, **inputs: Any) -> Any:
    made = planned(text) if isinstance(text, str) else text
    models = declared_models(made)
    ran = Run(made, lambda request, number: Scripted(request.messages[-1].text), inputs=inputs, models=models)
    assert ran.go().complete, ran.outcome.failures
    return ran.outcome.value


# Models


def test_a_model_has_the_name_that_the_file_gives_it() -> None:
    text = f"{MODELS}flow f() {{ names = map m in [fast, smart] {{ m.name }} reduce collect return names }}"
    assert value(text) == ["fast", "smart"]
    assert value(f"{MODELS}flow f() {{ return {{ a: fast.name, b: smart.name + \"!\" }} }}") == {
        "a": "fast", "b": "smart!",
    }  # fmt: skip


def test_a_given_model_has_its_address_as_name() -> None:
    text = """flow f(m: model, ms: [model]) {
      b = map one in ms { text "{{ one.name }}" } reduce collect
      return { n: m.name, b }
    }"""
    assert value(text, m="openai:gpt-4o", ms=["gemini:x"]) == {"n": "openai:gpt-4o", "b": ["gemini:x"]}


def test_the_name_of_a_model_stands_in_a_template() -> None:
    text = """flow f() {
      x = text "{{ fast.name }} {% if smart.name == 'smart' %}yes{% endif %}"
      return x
    }"""
    assert value(MODELS + text) == "fast yes"


def test_a_text_in_json_is_no_model() -> None:
    assert value('flow f(row: json) { return row.name ?? "nobody" }', row="openai:gpt-4o") == "nobody"


@pytest.mark.parametrize(
    ("mention", "said"),
    [
        ("fast.nam", "a model has no field `nam`"),
        ("fast.name.x", "text has no fields"),
        ('fast.name == 1', "are never equal"),
    ],
)  # fmt: skip
def test_a_model_has_no_other_field(mention: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        planned(f"{MODELS}flow f() {{ return {mention} }}")


def test_a_plan_knows_which_models_pass_by_their_names() -> None:
    text = f"""{MODELS}flow f(extra: model) {{
      a = map m in [fast, smart, extra] where m.name != "fast" {{ ask m "{{{{ m.name }}}}" }} reduce collect
      return a
    }}"""
    bounds = estimate_plan(planned(text), {"extra": "openai:x"}, HERE, model="m", environ={})
    assert (bounds.calls.least, bounds.calls.most) == (2, 7)
    bounds = estimate_plan(planned(text), {"extra": "fast"}, HERE, model="m", environ={})
    assert (bounds.calls.least, bounds.calls.most) == (1, 4)


def test_a_model_of_an_imported_file_has_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "lib.flow").write_text('model quick = "openai:gpt-4o"\nflow g() { return quick.name }\n')
    (tmp_path / "a.flow").write_text('import "lib.flow"\nflow f() { x = g() return x }\n')
    assert value(plan_of(load(tmp_path / "a.flow"))) == "quick"


# The words of a type


def test_the_name_of_a_choice_is_the_list_of_its_words() -> None:
    text = "flow f() { a = map w in Label { w } reduce collect return { a, n: length(Label), all: Label } }"
    words = ["spam", "fine", "two words"]
    assert value(LABEL + text) == {"a": words, "n": 3, "all": words}


def test_an_element_has_the_type_of_the_words() -> None:
    text = f"""{LABEL}flow g(of: Label) {{ return of }}
    flow f() {{ a = map w in Label where w != spam {{ g(of: w) }} reduce collect return a }}"""
    assert value(text) == ["fine", "two words"]


def test_a_value_of_this_name_comes_first() -> None:
    assert value(f"{LABEL}flow f(Label: [int]) {{ a = map w in Label {{ w }} reduce sum return a }}", Label=[1, 2]) == 3


def test_the_words_of_an_imported_type(tmp_path: Path) -> None:
    (tmp_path / "lib.flow").write_text(f"{LABEL}flow g() {{ return 1 }}\n")
    body = "flow f() {{ a = map w in {} reduce collect return a }}\n"
    for head, name in (('import "lib.flow"\n', "Label"), ('import "lib.flow" as l\n', "l.Label")):
        (tmp_path / "a.flow").write_text(head + body.format(name))
        assert value(plan_of(load(tmp_path / "a.flow"))) == ["spam", "fine", "two words"]


@pytest.mark.parametrize(
    ("mention", "said"),
    [
        ("Row", "`Row` is a type, and no value has this name"),
        ("Score", "`Score` is a type, and no value has this name"),
        ("Lable", "the name `Lable` is unknown"),
        ("Label.spam", r"has no fields"),
    ],
)
def test_other_types_are_no_values(mention: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        planned(f"{LABEL}type Row = {{ a: int }}\ntype Score = 1..5\nflow f() {{ x = {mention} return x }}")


def test_the_number_of_words_bounds_a_map() -> None:
    node = 'map w in Label { ask "{{ w }} {{ mail }}" -> bool } reduce collect'
    text = f"{LABEL}flow f(mail: text) {{ a = {node} return a }}"
    checked = check_flow(Source(text), catalog())
    assert not checked.warnings
    bounds = estimate_plan(planned(text), {}, HERE, model="m", environ={})
    assert (bounds.calls.least, bounds.calls.most) == (3, 9)
    with pytest.raises(FlowError, match="F0402"):
        planned(text.replace("in Label", "in Label at most 2"))


def test_an_edited_list_of_words_is_checked_again() -> None:
    flows = "flow g(of: Label) { return of }\nflow f() { a = map w in Label { g(of: w) } reduce collect return a }"
    made = planned(LABEL + flows)
    data = json.loads(plan.to_json(made))
    data["steps"][0]["node"]["source"]["value"]["value"] = ["spam", "evil"]
    with pytest.raises(PlanError, match="breaks a rule"):
        verify(plan.from_json(json.dumps(data)))
