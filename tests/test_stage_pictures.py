"""The conditions of the stages of a cascade in pictures: the words that the file has, and no calls."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.dsl.export.words import ExpressionWriter
from flowrun.runtime.catalog import catalog

CASES = [
    ("agreement < 1 and margin < 2", "agreement < 1 and margin < 2"),
    ("agreement(last) < 1 or votes(last).margin < 2", "agreement < 1 or margin < 2"),
    ('agreement < 1 and q != "agreement(last)"', 'agreement < 1 and q != "agreement(last)"'),
    ("agreement < 1 or last == a", 'agreement < 1 or last == "a"'),
    ("votes(last).counted < 3", "votes(last).counted < 3"),
]


def written(step: p.Step) -> str:
    return ExpressionWriter(catalog().functions).condition(step)


@pytest.mark.parametrize(("condition", "drawn"), CASES)
def test_a_condition_is_drawn_as_it_is_written(condition: str, drawn: str) -> None:
    vote = 'repeat 3 { ask "x" -> a | b } reduce majority'
    flow = f'flow f(q: text) {{ x = cascade {{ {vote} else ask "y" -> a | b when {condition} }} return x }}'
    (step,) = make_plan(check_flow(Source(flow), catalog())).steps
    assert isinstance(step.node, p.Cascade)
    first, second = step.node.body.steps
    assert written(second) == drawn
    assert written(first) == ""


def test_a_call_outside_of_a_cascade_stays_a_call() -> None:
    vote = 'v = repeat 3 { ask "x" -> a | b } reduce majority'
    flow = f'flow f() {{ {vote} y = ask "y" -> a | b when agreement(v) < 1 else v return y }}'
    steps = make_plan(check_flow(Source(flow), catalog())).steps
    assert "agreement(v) < 1" in [written(step) for step in steps]
