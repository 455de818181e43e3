"""Edited plans with rounds: the runner refuses what the checker of flows refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError

Json = Any
FLOW = """
flow f(topic: text) {
  both = fanout {
    one = ask "{{ topic }}" -> 1..9
    two = chain up to 4 {
      n = ask "{{ topic }} {{ last | default(0) }}" -> 1..9
    } until n > 5 else best(by: n)
  } reduce collect
  return both
}
"""


def ref(name: str) -> Json:
    return {"kind": "ref", "name": name}


def over(name: str) -> Json:
    return {"kind": "apply", "operator": ">", "operands": [ref(name), {"kind": "literal", "value": 5}]}


def edited(edit: Callable[[Json], None]) -> plan.Plan:
    data = json.loads(plan.to_json(make_plan(check_flow(Source(FLOW), catalog()))))
    edit(data["steps"][0]["node"]["body"]["steps"][1])
    return plan.from_json(json.dumps(data))


def set_needs(step: Json) -> None:
    step["needs"] = ["one"]
    step["node"]["until"] = {"kind": "apply", "operator": "and", "operands": [over("n"), over("one")]}


EDITS: dict[str, tuple[Callable[[Json], None], str]] = {
    "the round before": (lambda step: step["node"].update(until=over("last")), "mentions `last`"),
    "the best of it": (lambda step: step["node"].update(by=ref("last")), "mentions `last`"),
    "nothing of the round": (lambda step: step["node"].update(until=over_topic()), "mentions nothing of the round"),
    "a branch beside it": (lambda step: step["node"].update(until=over("one")), "mentions `one`"),
    "a branch that it waits for": (set_needs, "they cannot run side by side"),
    "no condition": (lambda step: step["node"].update(until=ref("n")), "expected bool"),
    "a best text": (lambda step: step["node"].update(by=ref("topic")), "expected number"),
    "too many rounds": (lambda step: step["node"].update(most=101), "from 2 to 100"),
    "a single round": (lambda step: step["node"].update(most=1), "from 2 to 100"),
    "best without its expression": (lambda step: step["node"].update(by=None), "only `best` rounds"),
    "an expression for nothing": (lambda step: step["node"].update(otherwise="last"), "only `best` rounds"),
    "a step `last`": (lambda step: step.update(name="last"), "two meanings"),
}


def over_topic() -> Json:
    text = {"kind": "literal", "value": "tea"}
    return {"kind": "apply", "operator": "==", "operands": [ref("topic"), text]}


@pytest.mark.parametrize(("edit", "said"), EDITS.values(), ids=EDITS)
def test_an_edited_plan_is_refused(edit: Callable[[Json], None], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        verify(edited(edit))


def test_an_edited_plan_within_the_rules_runs() -> None:
    verify(edited(lambda step: step["node"].update(most=7, otherwise="last", by=None)))


def test_a_model_of_another_file_may_have_the_name_last() -> None:
    rounds = 'flow part(x: text) { y = chain up to 2 { n = ask "{{ x }}" -> int } until n > 2 return y }\n'
    head = 'import "part.flow"\nmodel last = "openai:last"\n'
    main = head + 'flow f(x: text) { a = part(x) b = ask last "{{ a }}" return b }\n'
    checked = check_flow(Source(main), catalog(), lambda path: Source(rounds, path))
    verify(make_plan(checked))
