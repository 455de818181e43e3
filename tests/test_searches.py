"""Searches: `first(if: …)` and `best(by:, enough:)` launch no more samples than they need until one passes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.body_json import tally_json, tally_of
from flowrun.runtime.reducers import REDUCERS, UndecidedError
from flowrun.runtime.reducers.search import Search, mean_samples
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run, stage

WAYS = ("cost", "latency", "together")
HEAD = """type Plan = { steps: text, score: 0.0..1.0 }
extern works(plan: text) -> bool from "checks:works"
"""


def flow(node: str) -> str:
    return f"{HEAD}flow f(task: text, xs: [int] = []) {{ v = {node} return v }}"


def numbered(request: Request, number: int) -> str:
    return f"a{number}"


def tell(search: Search, verdicts: list[bool], dice: random.Random) -> int:
    """Run a search whose samples end in any order. Return the number of launched samples."""
    launched = 0
    running: list[int] = []
    while True:
        more = search.wanted(launched)
        running += range(launched, launched + more)
        launched += more
        if not running or search.decided:
            return launched
        place = running.pop(dice.randrange(len(running)))
        search.tell(place, passes=verdicts[place])


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 8), st.sampled_from(WAYS), st.integers(0, 9))
@settings(max_examples=300)
def test_the_first_that_passes_is_found_in_any_order(verdicts: list[bool], least: int, way: str, seed: int) -> None:
    most = len(verdicts)
    search = Search.of(min(least, most), most, way)
    launched = tell(search, verdicts, random.Random(seed))
    first = next((place for place, passes in enumerate(verdicts) if passes), None)
    assert search.found == first
    begins = 1 if least >= most else min(least, most)
    if way == "together" or first is None:
        assert launched == most
    elif way == "cost":
        assert launched == max(first + 1, begins)
    else:
        assert first < launched <= max(begins, min(most, 2 * (first + 1)))


@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize("right", [0.05, 0.5, 1.0])
def test_the_mean_is_that_of_many_searches(way: str, right: float) -> None:
    dice = random.Random(7)
    runs = [tell(Search.of(1, 20, way), [dice.random() < right for _ in range(20)], dice) for _ in range(4000)]
    assert sum(runs) / len(runs) == pytest.approx(mean_samples(1, 20, right, way), rel=0.06)


@pytest.mark.parametrize(("way", "asked"), [("cost", 5), ("latency", 8), ("together", 20)])
def test_an_expression_judges(way: str, asked: int) -> None:
    text = flow(f'repeat 1..20 {{ ask "S" -> Plan }} reduce first(if: result.score > 0.8) with launch: {way}')
    run = stage(text, lambda request, n: json.dumps({"steps": f"s{n}", "score": (n + 5) / 30}), {"task": "x"})
    assert run.outcome.value is None or run.outcome.value["score"] > 0.8
    run = stage(text, lambda request, n: json.dumps({"steps": f"s{n}", "score": min(1, (n + 5) / 10)}), {"task": "x"})
    assert run.outcome.value == {"steps": "s4", "score": 0.9}
    tally = run.outcome.tallies["v"]
    assert (tally.asked, tally.contest is not None and tally.contest.text) == (asked, "passed at sample 5 of 20")
    assert tally_of(json.loads(json.dumps(tally_json(tally)))) == tally


def judge(yes: str) -> Any:
    """Answer with numbers; an ask that begins with `Right` says yes to one of them."""
    answers = iter(range(100))

    def script(request: Request, number: int) -> str:
        text = request.messages[-1].text
        return ("yes" if text.endswith(f" {yes}") else "no") if text.startswith("Right") else f"a{next(answers)}"

    return script


@pytest.mark.parametrize("way", WAYS)
def test_an_ask_judges(way: str) -> None:
    text = flow(f'repeat 1..9 {{ ask "S" }} reduce first(if: ask "Right? {{{{ result }}}}") with launch: {way}')
    run = stage(text, judge("a2"), {"task": "x"})
    assert run.outcome.value == "a2", run.outcome
    samples, asked = {"cost": (3, 3), "latency": (4, 4), "together": (9, 9)}[way]
    assert len(run.provider.calls) <= samples + asked
    assert len(run.provider.calls) >= 6


def test_none_passes() -> None:
    run = stage(flow('repeat 1..4 { ask "S" } reduce first(if: result == "b")'), numbered, {"task": "x"})
    [failure] = run.outcome.failures
    why = '`result == "b"` does not hold: `result` is "a3"; '
    assert failure.reason.startswith(f"none of the 4 samples passed: {why}")
    assert not isinstance(failure.error, UndecidedError)
    assert run.outcome.tallies["v"].contest.text == "none of 4 samples passed"  # type: ignore[union-attr]


def test_a_malformed_sample_does_not_pass_and_the_search_goes_on() -> None:
    text = flow('repeat 1..9 { ask "S" -> Plan with retries: 0 } reduce first(if: result.score > 0.5)')
    run = stage(text, lambda request, n: '{"steps": "s", "score": 0.9}' if n == 2 else "what?", {"task": "x"})
    assert run.outcome.value == {"steps": "s", "score": 0.9}, run.outcome
    assert run.outcome.tallies["v"].contest.text == "passed at sample 3 of 9"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("node", "value", "calls"),
    [
        ("map x in xs { x } reduce first(if: result > 3)", 4, 0),
        ('map x in xs { ask "S {{ x }}" } reduce first(if: result == "S 3S 3")', "S 3S 3", 4),
        ('fanout { a = ask "A" b = ask "B" } reduce first(if: result == "BB")', "BB", 2),
        ('map x in xs { x } reduce first(if: ask "Right? {{ result }}" -> yes | no)', 2, 2),
    ],
)
def test_maps_and_branches(node: str, value: Any, calls: int) -> None:
    def script(request: Request, number: int) -> str:
        text = request.messages[-1].text
        return ("yes" if text.endswith("2") else "no") if text.startswith("Right") else text * 2

    run = stage(flow(node), script, {"task": "x", "xs": [1, 2, 3, 4, 5, 6]})
    assert run.outcome.value == value, run.outcome
    assert len(run.provider.calls) == calls


@pytest.mark.parametrize(("order", "value", "asked"), [("", 0.9, 10), (", order: low", 0.0, 1)])
def test_best_ends_at_what_is_enough(order: str, value: float, asked: int) -> None:
    enough = "0.1" if order else "0.9"
    text = flow(f'repeat 1..20 {{ ask "S" -> Plan }} reduce best(by: score, enough: {enough}{order})')
    run = stage(text, lambda request, n: json.dumps({"steps": "s", "score": n % 10 / 10}), {"task": "x"})
    assert run.outcome.value["score"] == value
    assert run.outcome.tallies["v"].asked == asked
    assert run.outcome.tallies["v"].contest.text == f"enough at sample {asked} of 20"  # type: ignore[union-attr]


def test_best_takes_the_best_if_nothing_is_enough() -> None:
    text = flow('repeat 1..8 { ask "S" -> Plan } reduce best(by: score, enough: 0.9)')
    run = stage(text, lambda request, n: json.dumps({"steps": f"s{n}", "score": n % 4 / 10}), {"task": "x"})
    assert run.outcome.value == {"steps": "s3", "score": 0.3}
    assert run.outcome.tallies["v"].contest.text == "none of 8 samples was enough"  # type: ignore[union-attr]


@pytest.mark.parametrize("node", ["first(if: works(result))", 'first(if: ask "Right? {{ result }}")'])
def test_the_bounds_hold_and_the_plan_keeps_the_condition(node: str) -> None:
    made = make_plan(check_flow(Source(flow(f'repeat 1..8 {{ ask "S" }} reduce {node}')), catalog()))
    assert plan.from_json(plan.to_json(made)) == made
    bounds = bounds_of(made, {name: rule.spec for name, rule in REDUCERS.items()}, right=0.5)
    judged = 2 if "ask" in node else 1
    assert (bounds.calls.least, bounds.calls.most) == (judged, judged * 24)
    expected = bounds.inside[0].expected
    assert expected is not None and expected.calls == pytest.approx(judged * 2, rel=0.02)


def test_a_search_without_a_condition_takes_what_arrives_first() -> None:
    run = stage(flow('repeat 3 { ask "S" } reduce first'), numbered, {"task": "x"})
    assert run.outcome.value in ("a0", "a1", "a2")
    assert "v" not in run.outcome.tallies


def test_a_search_asks_up_to_the_first_that_passes() -> None:
    text = flow('repeat 1..9 { ask "S" } reduce first(if: result == "a3")')
    run = Run(text, numbered, inputs={"task": "x"})
    assert run.go().value == "a3"
    assert len(run.provider.calls) == 4
