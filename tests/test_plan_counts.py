"""A plan is made by counts: maps in maps are not walked through, however many elements they come to."""

from __future__ import annotations

import pytest

from flowrun.dsl import Bounds, Source, check_flow, make_plan
from flowrun.dsl.bounds.bounds import bounds_of
from flowrun.dsl.bounds.model_facts import Blank, Served
from flowrun.runtime.catalog import catalog

REDUCERS = catalog().reducers


class Counting(Blank):
    """Counts how often a text is measured, which grows with the steps that are worked out."""

    measured = 0

    def count(self, text: str) -> int:
        self.measured += 1
        return super().count(text)

    def served(self, address: str) -> Served:
        return Served(address, self.count)


def bounds(text: str, world: Counting, **inputs: object) -> Bounds:
    plan = make_plan(check_flow(Source(text), catalog()))
    return bounds_of(plan, REDUCERS, inputs=inputs, world=world, model="m")


def nested(depth: int) -> str:
    names = [f"x{number}" for number in range(depth)]
    ask = 'ask "' + " ".join(f"{{{{ {name} }}}}" for name in names) + '" -> yes | no'
    body = ask
    for name in reversed(names):
        body = f"map {name} in list_{name} {{ {body} }} reduce collect"
    params = ", ".join(f"list_{name}: [text]" for name in names)
    return f"flow f({params}) {{ r = {body} return r }}\n"


@pytest.mark.parametrize("depth", [2, 3, 4, 8])
def test_maps_in_maps_of_a_thousand_each(depth: int) -> None:
    world = Counting()
    given = {f"list_x{number}": [f"item {one:04}" for one in range(1000)] for number in range(depth)}
    found = bounds(nested(depth), world, **given)
    assert (found.calls.least, found.calls.most) == pytest.approx((1000**depth, 3 * 1000**depth))
    # Each ask measures a text for every name that it mentions.
    assert world.measured < 10_000 * depth * depth


def test_rows_that_have_lists_of_their_own() -> None:
    world = Counting()
    text = """
    type Row = { name: text, parts: [text] }
    flow f(rows: [Row]) {
      a = map row in rows {
        map part in row.parts { ask "{{ row.name }} {{ part }}" -> yes | no } reduce collect
      } reduce collect
      return a
    }
    """
    rows = [{"name": f"n{row}", "parts": [f"p{part}" for part in range(row % 7)]} for row in range(1000)]
    found = bounds(text, world, rows=rows)
    calls = sum(len(row["parts"]) for row in rows)
    assert (found.calls.least, found.calls.most) == (calls, 3 * calls)
    many = [{"name": "n", "parts": [f"p{part}" for part in range(100 + row % 3)]} for row in range(1000)]
    found = bounds(text, world, rows=many)
    # Beyond what is worked out one by one, each row takes at least what the shortest takes.
    assert (found.calls.least, found.calls.most) == (100_000, 306_000)


def test_few_elements_are_worked_out_one_by_one() -> None:
    """The tokens of an ask are those of its own element, though a map stands within a map."""
    text = """
    flow f(a: [text], b: [text]) {
      r = map x in a { map y in b { ask "{{ x }}{{ y }}" -> yes | no } reduce collect } reduce collect
      return r
    }
    """
    short, long = ["x"] * 99, ["x" * 4000]
    found = bounds(text, Counting(), a=[*short, *long], b=["y"] * 100)
    assert found.tokens_in.least < 1_000_000
    assert found.tokens_in.least > 100 * 1000
