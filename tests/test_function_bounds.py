"""The bounds of flows that cut, order and group lists: what follows a cut is bounded by it."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.forecast.estimate import bounds_without_inputs

TYPES = "type Row = { name: text, score: int }\n"


def calls(lines: str) -> tuple[float, float | None]:
    """Return the least and the most calls, without malformed answers, of a flow whose list an answer decides."""
    flow = (
        f'{TYPES}flow f(t: text, rows: [Row]) {{\n  found = ask "{{{{ t }}}}" -> [Row] with retries: 0\n  {lines}\n}}\n'
    )
    made = bounds_without_inputs(make_plan(check_flow(Source(flow), catalog())), "openai:gpt-4o-mini", {})
    return made.least - 1, None if made.most is None else made.most - 1


def mapped(source: str) -> str:
    each = 'map x in SOURCE { ask "{{ x }}" with retries: 0 } reduce collect'
    return f"out = {each.replace('SOURCE', source)}\n  return out"


@pytest.mark.parametrize(
    ("source", "least", "most"),
    [
        ("first(found, 3)", 0, 3),
        ("last(sort(found, by: score), 2)", 0, 2),
        ("rank(found, by: score, top: 4)", 0, 4),
        ("sort(found, by: score)", 0, None),
        ("group(found, by: name)", 0, None),
        ("first(group(found, by: name), 5)", 0, 5),
        ("first([found, found, found], 2)", 2, 2),
        ("reverse([found, found, found])", 3, 3),
        ("dedupe([found, found, found])", 1, 3),
        ("first(words(t), 7)", 0, 7),
        ('["a", "b", "a"]', 3, 3),
        ('unique(["a", "b", "a"])', 1, 3),
        ('first(["a", "b", "a"], 1)', 1, 1),
    ],
)
def test_a_map_over_a_function_is_bounded(source: str, least: int, most: int | None) -> None:
    assert calls(mapped(source)) == (least, most)


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [("rank(by: score, top: 2)", 2, 2), ("dedupe", 1, 4), ("rank(by: score)", 4, 4), ("dedupe(by: name)", 1, 4)],
)
def test_a_map_over_a_reduced_list_is_bounded(rule: str, least: int, most: int) -> None:
    sampled = f'four = repeat 4 {{ ask "{{{{ t }}}}" -> Row with retries: 0 }} reduce {rule}\n  '
    assert calls(sampled + mapped("four")) == (4 + least, 4 + most)


def test_the_groups_share_the_elements() -> None:
    inner = 'map x in g.items { ask "{{ x.name }}" with retries: 0 } reduce collect'
    lines = f"out = map g in group(first(found, 3), by: name) {{ {inner} }} reduce collect\n  return out"
    assert calls(lines) == (0, 9)
