"""The plan of a cascade: the least, the most and the expected calls, against all runs of small flows."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl.bounds.amounts import Bounds
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.plan_view import view
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from support.harness import Run

HERE = Files(Path(__file__).parent)
VOTE = 'repeat 2 { ask "v" -> yes | no } reduce majority(ties: first)'
ASK = 'ask "a" -> yes | no with retries: 1'
UP = 'ask "b" -> yes | no with retries: 0'
FLOWS = {
    "vote of two": (f"{VOTE} else {UP} when agreement < 1", 2, 3),
    "ask": (f"{ASK} else {UP} when last == no", 1, 3),
    "ask for failures": (f"{ASK} else {UP}", 1, 3),
    "vote and a word": (f"{VOTE} else no", 1, 2),
    "three": (f"{ASK} else {VOTE} when last == no else {UP} when agreement < 1", 1, 5),
    "vote of three": (
        f'repeat 3 {{ ask "v" -> yes | no }} reduce quorum(2) else {VOTE} when agreement < 1 else {UP}',
        3,
        6,
    ),
    "adaptive": (f'repeat 2..4 {{ ask "v" -> yes | no }} reduce ahead(2) else {UP} when agreement < 1', 2, 5),
}


FIRST, LAST = "yes", "?"
FOLLOWS = {FIRST: "no", "no": LAST}


def text(stages: str) -> str:
    return f"flow f() {{ x = cascade {{ {stages} }} return x }}"


def bounds(stages: str, right: float = 0.8) -> Bounds:
    made = make_plan(check_flow(Source(text(stages)), catalog()))
    (found,) = [one for one in estimate_plan(made, {}, HERE, environ={}, right=right).inside if one.title == "x"]
    return found


@pytest.mark.parametrize("name", FLOWS)
def test_the_bounds_hold_for_all_runs(name: str) -> None:
    stages, least, most = FLOWS[name]
    found = bounds(stages)
    assert (found.calls.least, found.calls.most) == (least, most)
    seen = set()
    answers: list[str] = []
    while True:
        given = itertools.chain(answers, itertools.repeat(FIRST))
        run = Run(text(stages), lambda request, number, given=given: next(given))  # type: ignore[misc]
        if run.go().complete:
            seen.add(len(run.prompts))
        # The next answers that differ in one that was read. Those behind it may be of no call.
        answers = (answers + [FIRST] * most)[: len(run.prompts)]
        while answers and answers[-1] == LAST:
            answers.pop()
        if not answers:
            break
        answers[-1] = FOLLOWS[answers[-1]]
    assert least <= min(seen)
    assert max(seen) <= most
    # The bounds are tight where no vote may be given up before its last sample.
    assert name == "vote and a word" or (min(seen), max(seen)) == (least, most)


@pytest.mark.parametrize(
    ("stages", "right", "calls"),
    [
        (f"{VOTE} else {UP} when agreement < 1", 0.8, 2.2),
        (f"{VOTE} else {UP} when agreement < 1", 1.0, 2.0),
        (f"{VOTE} else {UP} when agreement < 1", 0.0, 3.0),
        (f"{ASK} else {VOTE} when last == no else {UP} when agreement < 1", 0.5, 1 + 0.5 * 2 + 0.25),
        (f"{VOTE} else {UP} when agreement < 1 else no", 0.5, 2.5),
        (f"{VOTE} else cascade {{ {ASK} else {UP} when last == no }} when agreement < 1", 0.5, 2 + 0.5 * 1.5),
    ],
)
def test_the_expected_calls(stages: str, right: float, calls: float) -> None:
    expected = bounds(stages, right).expected
    assert expected is not None
    assert expected.calls == pytest.approx(calls)


def test_a_cascade_for_failures_alone_has_no_expected_calls() -> None:
    assert bounds(f"{ASK} else {UP}").expected is None


def test_the_plan_says_what_the_expected_calls_take_for_granted() -> None:
    made = make_plan(check_flow(Source(text(f"{VOTE} else {UP} when agreement < 1")), catalog()))
    lines = "\n".join(view(estimate_plan(made, {}, HERE, environ={}, right=0.9), None, None))
    assert "x: 2.1 calls on average" in lines
    assert "if each stage is enough 90 % of the time" in lines
    assert "stage1: 2.0 calls on average" in lines
    assert "if a sample is right 90 % of the time" in lines


def test_a_stage_keeps_the_name_that_the_file_gives_it() -> None:
    source = f"flow f() {{ x = cascade {{ quick_ = {ASK} else _last = {UP} when last == no }} return x }}"
    plan = make_plan(check_flow(Source(source, "f.flow"), catalog()))
    told = "\n".join(view(estimate_plan(plan, {}, HERE), None, None, 200))
    assert "quick_ " in told and "_last " in told
