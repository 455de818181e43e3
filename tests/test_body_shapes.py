"""A map's bodies that differ only in the words of their prompts are worked out once, with the same bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Bounds
from flowrun.dsl.bounds import ask_bounds, body_shapes, bounds
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.session.loading import load, plan_of

HEAD = """
type Row = { id: int, text: text, kind: a | b }
model small = "openai:gpt-4o-mini" else "openai:gpt-4o" with max_tokens: 50
"""
BODIES = {
    "an ask and a record": '{ answer = ask "Say {{ row.text }}" \n { id: row.id, answer } }',
    "asks in a row": '{ first = ask small "Say {{ row.text }}" \n ask "Not {{ first }}" -> yes | no }',
    "a value before": '{ long = row.text + row.kind \n ask small "{{ long }}" with retries: 2 }',
    "a value that may fail": '{ n = 7 / (row.id - 3) \n ask "{{ n }}" }',
    "a value that may fail, and is not asked about": '{ n = 7 / (row.id - 3) \n ask "x" after n }',
    "an option of the element": '{ ask "x" with max_tokens: row.id + 1 }',
    "a condition": '{ other = ask "x" when row.kind == "a" else "none" \n ask "{{ other }} {{ row.text }}" }',
    "no ask": "{ n = row.id + 1 \n { n } }",
    "a repeat": '{ repeat 3 { ask "Say {{ row.text }}" -> yes | no } reduce majority }',
}
AFTER = {
    "the list": "\n return out",
    "the list without the failed": "with errors: skip\n return out",
    "a map of it": '\n more = map one in out { ask "More of {{ one }}" } reduce collect\n return more',
}


def planned(flow: Callable[[str], Path], body: str, after: str) -> Callable[[list[Any]], Bounds]:
    text = f"{HEAD}flow f(rows: [Row]) {{\n out = map row in rows {body} reduce collect {after} }}"
    plan = plan_of(load(flow(text)))
    return lambda rows: estimate_plan(plan, {"rows": rows}, Files(Path()), environ={})


def rows(count: int) -> list[Any]:
    return [{"id": n % 5 + 1, "text": "word " * (n % 7) + "é" * (n % 3), "kind": "ab"[n % 2]} for n in range(count)]


@pytest.mark.parametrize("after", list(AFTER))
@pytest.mark.parametrize("body", list(BODIES))
def test_the_bounds_are_those_of_bodies_worked_out_one_by_one(
    body: str, after: str, flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds_for = planned(flow, BODIES[body], AFTER[after])
    shared = [bounds_for(rows(count)) for count in (1, 2, 60)]
    monkeypatch.setattr(body_shapes, "_is_plain", lambda step, inside: False)
    assert shared == [bounds_for(rows(count)) for count in (1, 2, 60)]


def test_a_body_is_worked_out_for_each_number_of_tokens(
    flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out = 0
    whole = ask_bounds.asked

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal worked_out
        worked_out += 1
        return whole(*args, **options)

    monkeypatch.setattr(bounds, "asked", counted)
    bounds_for = planned(flow, BODIES["an ask and a record"], AFTER["the list"])
    assert bounds_for(rows(2000)).calls.least == 2000
    assert 2 < worked_out <= 21


def test_the_exact_work_is_as_much_as_before(flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two maps of one list share the work that is done exactly, whether shapes are shared or not."""
    monkeypatch.setattr("flowrun.dsl.bounds.effort.EXACT_WORK", 100)
    bounds_for = planned(flow, BODIES["an ask and a record"], AFTER["a map of it"])
    shared = [bounds_for(rows(count)) for count in (20, 40, 60)]
    monkeypatch.setattr(body_shapes, "_is_plain", lambda step, inside: False)
    assert shared == [bounds_for(rows(count)) for count in (20, 40, 60)]
