"""Options for many asks: those of a flow, and those of `model default`. The nearest one wins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError
from support.harness import stage

Json = Any
HEAD = (
    "model default with temperature: 0.1, max_tokens: 100, retries: 7\n"
    'model fast = "openai:fast" with temperature: 0.3\n'
)


def planned(text: str) -> plan.Plan:
    made = make_plan(check_flow(Source(text), catalog()))
    verify(made)
    assert plan.from_json(plan.to_json(made)) == made
    return made


def options(text: str) -> dict[str, dict[str, Json]]:
    """Return the constant options of the asks of a plan, by the names of their steps."""
    made = planned(text)
    steps = [
        *plan.walk_steps(made.steps),
        *(one for flow in made.flows.values() for one in plan.walk_steps(flow.steps)),
    ]
    found = {step.name: _plain(step.options) for step in steps if isinstance(step.node, plan.Ask)}
    for step in steps:
        if isinstance(step.node, plan.Map | plan.Repeat | plan.Fanout) and step.node.reduce.asks:
            found[f"{step.name}.reduce"] = _plain(step.node.reduce.options)
    return found


def _plain(given: dict[str, plan.Expr]) -> dict[str, Json]:
    return {name: value.value if isinstance(value, plan.Constant) else value for name, value in given.items()}


def test_the_defaults_are_for_asks_that_name_no_model() -> None:
    found = options(
        HEAD + 'flow f(mail: text) {\n  a = ask "{{ mail }}"\n  b = ask fast "{{ a }}"\n'
        '  c = ask "{{ b }}" with temperature: 0.9\n  return c\n}'
    )
    assert found == {
        "a": {"temperature": 0.1, "max_tokens": 100, "retries": 7},
        "b": {},
        "c": {"temperature": 0.9, "max_tokens": 100, "retries": 7},
    }


def test_an_ask_wins_over_its_flow_and_the_flow_over_the_model() -> None:
    found = options(
        HEAD + "flow f(mail: text) with temperature: 0.5, seed: 4 {\n"
        '  a = ask "{{ mail }}"\n  b = ask fast "{{ a }}" with seed: 5\n'
        '  c = map x in [a, b] { ask "{{ x }}" } reduce ask fast "{{ results }}"\n'
        '  d = repeat 2 { v = ask "{{ c }}" -> A | B } reduce majority(ties: ask "{{ results }}")\n'
        '  e = map x in [a, b] { y = ask fast "{{ x }}" } reduce (ask "{{ results }} {{ d }}" with temperature: 1)\n'
        "  return e\n}"
    )
    unnamed = {"temperature": 0.5, "seed": 4, "max_tokens": 100, "retries": 7}
    assert found == {
        "a": unnamed,
        "b": {"seed": 5, "temperature": 0.5},
        "#3": unnamed,
        "v": unnamed,
        "y": {"temperature": 0.5, "seed": 4},
        "c.reduce": {"temperature": 0.5, "seed": 4},
        "d.reduce": unnamed,
        "e.reduce": {**unnamed, "temperature": 1},
    }


def test_a_flow_has_no_say_in_the_flows_that_it_calls() -> None:
    found = options(
        'flow g(x: text) {\n  inner = ask "{{ x }}"\n  return inner\n}\n'
        'flow f(mail: text) with temperature: 0.5 {\n  a = ask "{{ mail }}"\n  b = g(a)\n  return b\n}'
    )
    assert found == {"a": {"temperature": 0.5}, "inner": {}}


@pytest.mark.parametrize(
    ("flow", "block", "ask", "wanted"),
    [
        ("", "", "", 7),
        (" with retries: 1", "", "", 1),
        (" with retries: 1", " with retries: 2", "", 2),
        (" with retries: 1", " with retries: 2", " with retries: 3", 3),
        ("", " with retries: 2", "", 2),
    ],
)
def test_the_innermost_retries_decide(flow: str, block: str, ask: str, wanted: int) -> None:
    text = f'flow f(mail: text){flow} {{\n  c = chain {{ a = ask "{{{{ mail }}}}"{ask} }}{block}\n  return c\n}}'
    assert options(HEAD + text)["a"]["retries"] == wanted


@pytest.mark.parametrize(("own", "wanted"), [("", 5), (" with retries: 1", 1)])
def test_the_retries_of_a_call_are_outside_those_of_the_flow(own: str, wanted: int) -> None:
    text = f'flow g(x: text){own} {{\n  inner = ask "{{{{ x }}}}"\n  return inner\n}}\n'
    text += "flow f(mail: text) {\n  b = g(mail) with retries: 5\n  return b\n}"
    assert options(HEAD + text)["inner"]["retries"] == wanted


def test_a_parameter_may_decide() -> None:
    text = 'flow f(mail: text, heat: 0..1) with temperature: heat {\n  a = ask "{{ mail }}"\n  return a\n}'
    (request,) = stage(planned(text), lambda *_: "A", {"mail": "x", "heat": 1}).provider.calls
    assert request.temperature == 1


def test_a_request_is_that_of_the_option_in_place() -> None:
    given = HEAD + 'flow f(mail: text) with seed: 3 {\n  a = ask "{{ mail }}"\n  return a\n}'
    placed = (
        'flow f(mail: text) {\n  a = ask "{{ mail }}" with temperature: 0.1, max_tokens: 100, retries: 7, seed: 3\n'
        "  return a\n}"
    )
    requests = [stage(planned(text), lambda *_: "A", {"mail": "x"}).provider.calls for text in (given, placed)]
    assert requests[0] == requests[1] != []


def test_warnings_count_the_options_of_a_flow() -> None:
    body = '  a = repeat 3 { ask "{{ mail }}" -> A | B } reduce majority\n  return a\n}'
    for head in (
        "flow f(mail: text) with temperature: 0 {\n",
        "model default with temperature: 0\nflow f(mail: text) {\n",
    ):
        (one,) = check_flow(Source(head + body), catalog()).warnings
        assert (one.code, one.span.text) == ("F0707", "0")


def test_one_wrong_option_is_one_finding() -> None:
    body = '  a = ask "{{ mail }}"\n  b = ask "b {{ a }}"\n  return b\n}'
    with pytest.raises(FlowError) as caught:
        check_flow(Source("flow f(mail: text) with temperature: 9, errors: skip {\n" + body), catalog())
    assert [(one.code, one.span.text) for one in caught.value.diagnostics] == [("F0307", "9"), ("F0307", "errors")]


def test_a_plan_keeps_options_that_an_ask_can_have() -> None:
    text = (
        "flow f(mail: text) with temperature: 0.5 {\n"
        '  d = repeat 2 { v = ask "{{ mail }}" -> A | B } reduce majority(ties: ask "{{ results }}")\n  return d\n}'
    )
    data = json.loads(plan.to_json(planned(text)))
    chosen = data["steps"][0]["node"]["reduce"]["options"]
    chosen["errors"] = {"kind": "literal", "value": "skip"}
    with pytest.raises(PlanError, match="no option `errors`"):
        verify(plan.from_json(json.dumps(data)))
