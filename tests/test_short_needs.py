"""Budgets that are too small for the votes of a flow: runs end, keep the budget, and go on where they stopped."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.api import RunOptions, resume, run
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

VOTE = 'repeat 1..5 { ask "{{ q }}" -> a | b } reduce ahead(2, undecided: first)'
BODIES = {
    "vote": VOTE,
    "fails": VOTE.replace(", undecided: first", ""),
    "majority": 'repeat 5 { ask "{{ q }}" -> a | b } reduce majority(undecided: none)',
    "nested": f"map z in [1, 2] {{ {VOTE} }} reduce collect",
    "panel": 'repeat 1..5 over o in ["x", "y"] { ask "{{ q }} {{ o }}" -> a | b } reduce ahead(2, undecided: first)',
    "cascade": f'cascade {{ {VOTE} else ask "up {{{{ q }}}}" -> a | b when agreement < 0.9 }}',
    "same": 'repeat 1..5 { ask "{{ q }}" } reduce ahead(2, same: ask "S {{ a }}{{ b }}" -> yes | no, undecided: none)',
    "search": f'repeat 1..3 {{ w = {VOTE} {{ w }} }} reduce first(if: result.w == "a")',
}


def flow(body: str, options: str = "") -> str:
    return f"flow f(qs: [text]) {{ r = map q in qs {{ {BODIES[body]} }} reduce collect{options} return r }}"


def answers(seed: int) -> Any:
    """Give each request an answer that fits its form, and seconds, by a random number of its own."""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        rng = random.Random(f"{seed} {prompt} {number}")
        words = ("yes", "no") if prompt.startswith("S ") else ("a", "b")
        return Scripted(rng.choice(words), 0.5 + rng.random())

    return script


@pytest.mark.parametrize("body", BODIES)
@given(
    size=st.integers(0, 6),
    calls=st.integers(1, 60),
    seed=st.integers(0, 99),
    limit=st.sampled_from([1, 2, 64]),
    options=st.sampled_from(["", " with concurrency: 1", " with concurrency: 2"]),
)
@settings(max_examples=25, deadline=None)
def test_a_run_on_a_short_budget_ends_and_keeps_it(
    body: str, size: int, calls: int, seed: int, limit: int, options: str
) -> None:
    text = flow(body, options).replace("[text])", f"[text]) budget {calls} calls", 1)
    ran = Run(text, answers(seed), inputs={"qs": [f"q{one}" for one in range(size)]}, limit=limit)
    ran.go()
    assert len(ran.provider.calls) <= calls
    assert ran.seconds <= 2 * calls
    assert ran.outcome.status in ("done", "budget", "partial", "failed")
    if ran.outcome.status == "budget":
        assert len(ran.provider.calls) == calls or body in ("cascade", "same", "search", "fails")
    assert not ran.left
    assert ran.provider.open == 0


@pytest.mark.parametrize("body", ["vote", "majority", "nested", "panel"])
@given(size=st.integers(1, 5), calls=st.integers(10, 30), seed=st.integers(0, 99))
@settings(max_examples=6, deadline=None)
def test_a_run_that_spent_its_budget_goes_on_with_more_money(
    body: str, size: int, calls: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    db: Path = tmp_path_factory.mktemp("run") / "journal.db"
    provider = ScriptedProvider(lambda request, number: replace(answers(seed)(request, number), seconds=0))
    plan = make_plan(check_flow(Source(flow(body)), catalog()))

    def options(money: int) -> RunOptions:
        return RunOptions(opener=lambda address, around: provider, budget=Budget(money, None))

    inputs = {"qs": [f"q{one}" for one in range(size)]}
    run(plan, inputs, options=replace(options(calls), journal=db))
    bought = len(provider.calls)
    assert bought <= calls
    whole = resume("last", db, options=options(500))
    total = len(provider.calls)
    assert whole.status == "done"
    assert resume("last", db, options=options(500)).value == whole.value
    assert len(provider.calls) == total
