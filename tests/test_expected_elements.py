"""The expected calls of a vote or a cascade in a map whose elements differ in their length."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl.bounds.amounts import Bounds, Expected
from flowrun.dsl.bounds.bound import Bound
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan

VOTE = 'repeat 3 { ask cheap "v {{ mail }}" -> yes | no } reduce majority'
CASCADE = f'cascade {{ {VOTE} else ask cheap "b {{{{ mail }}}}" -> yes | no when agreement < 1 }}'


def row(node: str, mails: list[str]) -> Bounds:
    flow = f"""model cheap = "openai:m" with input_price: 1, output_price: 1
flow f(mails: [text]) {{
  all = map mail in mails at most 9 {{ k = {node} }} reduce collect
  return all
}}"""
    plan = make_plan(check_flow(Source(flow), catalog()))
    (over,) = estimate_plan(plan, {"mails": mails}, Files(Path(__file__).parent), environ={}, right=0.8).inside
    (found,) = over.inside
    return found


@pytest.mark.parametrize(("node", "calls"), [(VOTE, 2.32), (CASCADE, 3.2)])
def test_elements_of_different_lengths_have_the_same_expected_calls(node: str, calls: float) -> None:
    short, long = row(node, ["a"]).expected, row(node, ["a" * 400]).expected
    assert short and long and short.cost.most and long.cost.most
    assert short.cost.most < long.cost.most
    both = row(node, ["a", "a" * 400]).expected
    assert both is not None
    assert both.calls == pytest.approx(calls)
    assert (both.cost.least, both.cost.most) == (short.cost.least, long.cost.most)


def test_averages_that_differ_in_their_calls_are_not_joined() -> None:
    assert Expected(0.8, 3, 3, Bound(1, 2)) | Expected(0.8, 3, 3, Bound(0, 3)) == Expected(0.8, 3, 3, Bound(0, 3))
    assert Expected(0.8, 3, 3, Bound(1, 2)) | Expected(0.8, 3, 6, Bound(1, 2)) is None
