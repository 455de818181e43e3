"""Plans with questions to people: their bounds, their labels, and edited plans that no flow could have."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan, types
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError

FLOW = """flow look(mail: untrusted text) {
  draft = ask "Answer {{ mail }}"
  ok = ask human "Send {{ draft }}?" -> yes | no | text with timeout: 1h
  view = fanout {
    a = ask human "Is {{ mail }} kind?" -> bool
    b = ask "Is {{ mail }} kind?" -> bool
  } reduce collect
  return { ok, view }
}
"""


def planned(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text, "look.flow"), catalog()))


def step(whole: plan.Plan, name: str) -> plan.Step:
    return next(one for one in whole.walk() if one.name == name)


def edited(name: str, edit: Callable[[plan.Ask], plan.Ask], **options: Any) -> plan.Plan:
    """Return the plan with another ask in a step of the flow itself."""
    whole = planned(FLOW)

    def changed(one: plan.Step) -> plan.Step:
        assert isinstance(one.node, plan.Ask)
        return replace(one, node=edit(one.node), options={**one.options, **options})

    return replace(whole, steps=tuple(changed(one) if one.name == name else one for one in whole.steps))


def test_a_plan_says_that_a_person_is_asked() -> None:
    whole = planned(FLOW)
    node = step(whole, "ok").node
    assert isinstance(node, plan.Ask) and node.person and node.model is None
    assert node.answer == step(whole, "ok").type == types.OpenChoice(("yes", "no"))
    assert plan.from_json(plan.to_json(whole)) == whole
    # A plan without people is written as before.
    assert "person" not in plan.to_json(planned('flow f() {\n  a = ask "A?"\n  return a\n}\n'))
    verify(whole)


def test_the_bounds_count_people_apart() -> None:
    found = estimate_plan(planned(FLOW), {}, Files(Path()), model="openai:gpt-4o-mini")
    assert (found.people.least, found.people.most) == (2, 2)
    assert (found.calls.least, found.calls.most) == (2, 6)
    ok = next(one for one in found.inside if one.title == "ok")
    assert (ok.what, ok.calls.most, ok.tokens_in.most, ok.cost.most, ok.attempts.most) == ("1 person", 0, 0, 0, 0)
    many = 'flow f(xs: [text]) {\n  ys = map x in xs at most 7 { ask human "{{ x }}?" -> bool } reduce collect\n'
    found = estimate_plan(planned(many + "  return ys\n}\n"), {}, Files(Path()), model="openai:gpt-4o-mini")
    assert (found.people.least, found.people.most) == (0, 7)
    found = estimate_plan(planned(many + "  return ys\n}\n"), {"xs": ["a", "b"]}, Files(Path()), model="m")
    assert (found.people.least, found.people.most) == (2, 2)


def test_the_least_of_a_map_that_may_leave_elements_out() -> None:
    text = """flow f(xs: [text]) {
  note = ask "Which?"
  ys = map x in xs where x != note {
    better = ask "Better: {{ x }}" when x == "a"
    ok = ask human "{{ x }}?" -> bool
    { better, ok }
  } reduce collect
  return ys
}
"""
    found = estimate_plan(planned(text), {"xs": ["a", "b", "c"]}, Files(Path()), model="m")
    assert (found.people.least, found.people.most) == (0, 3)
    found = estimate_plan(planned(text.replace(" where x != note", "")), {"xs": ["a", "b"]}, Files(Path()), model="m")
    assert (found.people.least, found.people.most) == (2, 2)


def test_the_retries_of_a_block_are_not_for_people() -> None:
    text = """flow f(xs: [text]) {
  ys = map x in xs {
    a = ask "{{ x }}"
    ask human "{{ a }}?" -> yes | no
  } reduce ask human "{{ results }}?" with retries: 4
  best = map x in xs { ask "{{ x }}" } reduce best(judge: ask human "{{ results }}?") with retries: 4
  vote = repeat 2 { ask human "{{ xs }}?" -> yes | no } reduce majority(ties: ask human "{{ results }}?")
  return { ys, best, vote }
}
"""
    whole = planned(text)
    verify(whole)
    assert step(whole, "a").options == {"retries": plan.Constant(4)}
    block = step(whole, "ys").block
    assert block is not None and block.steps[1].options == {}
    for name in ("ys", "best", "vote"):
        node = step(whole, name).node
        assert isinstance(node, plan.Map | plan.Repeat)
        assert node.reduce.options == {} and all(ask.person for ask in node.reduce.asks)


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        (lambda: edited("draft", lambda one: replace(one, answer=types.OpenChoice(("a",)))), "text` is a type|`draft`"),
        (lambda: edited("ok", lambda one: replace(one, model=plan.Constant("openai:x"))), "a person answers it"),
        (lambda: edited("ok", lambda one: replace(one, person=False)), "is a type"),
        (lambda: edited("ok", lambda one: one, temperature=plan.Constant(0)), "`temperature` is an option for a model"),
        (
            lambda: edited("ok", lambda one: replace(one, messages=(plan.Message("system", "x"), *one.messages))),
            "a person reads one text",
        ),
        (lambda: edited("ok", lambda one: replace(one, answer=types.OpenChoice(()))), "cannot be the type"),
    ],
)
def test_an_edited_plan_that_no_flow_has_is_refused(whole: Callable[[], plan.Plan], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        verify(whole())


def test_a_person_may_take_the_place_of_a_model_in_a_plan() -> None:
    verify(edited("draft", lambda one: replace(one, person=True)))


def test_branches_that_need_each_other_are_refused() -> None:
    text = FLOW.replace('b = ask "Is {{ mail }} kind?"', 'b = ask "Is {{ a }} kind?"')
    with pytest.raises(FlowError) as told:
        planned(text)
    assert told.value.diagnostics[0].code == "F0203"
    data = json.loads(plan.to_json(planned(FLOW)))
    view = next(one for one in data["steps"] if one["name"] == "view")
    view["node"]["body"]["steps"][1]["needs"] = ["a"]
    with pytest.raises(PlanError, match="the branch `b` of `view` needs the branch `a`"):
        verify(plan.from_json(json.dumps(data)))


def test_an_answer_carries_the_labels_of_its_prompt() -> None:
    pay = 'extern pay(order: trusted text) -> json from "shop.api:pay"\n\n'
    text = pay + FLOW.replace("  return", "  paid = pay(order: ok)\n  return").replace("ok, view", "ok, view, paid")
    with pytest.raises(FlowError) as told:
        planned(text)
    first = told.value.diagnostics[0]
    assert (first.code, "mail → draft → ok → pay.order" in first.message) == ("F0502", True)
    # A narrow answer can say only what the flow lists.
    planned(text.replace("yes | no | text", "yes | no"))
