"""Budgets that are not spent by need: with worker processes, and within a called flow that has a budget of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.api import resume_async
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.workers import beginning
from support.harness import Run
from support.model_server import Served, model_server
from support.wall_clock import within

FLOW = """
flow many(qs: [text]) {
  return map q in qs {
    repeat 1..9 { ask "Which is {{ q }}?" -> a | b with seed: 1 } reduce ahead(2, undecided: none)
  } reduce collect
}
"""
QS = [f"thing {one}" for one in range(40)]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


def given_to(server: Served, folder: Path, **options: Any) -> RunOptions:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-x"}
    return RunOptions(environ=environ, **options)


async def test_workers_keep_a_budget_that_is_too_small_and_votes_end_as_they_say(
    server: Served, tmp_path: Path
) -> None:
    flow = load(Source(FLOW, str(tmp_path / "x.flow")))
    options = given_to(server, tmp_path, model="openai:m", workers=2, budget="50 calls", journal=tmp_path / "one.db")
    first: Result = await run_async(flow, {"qs": QS}, options=options)
    assert server.answers() <= 50
    assert (first.status, len(first.value)) == ("budget", 40)
    assert {tally.settled for tally in first.tallies.values()} == {True, False}
    # A vote without a decision has no value, and one that was decided has one.
    assert len(first.tallies) == 40
    assert sum(one is not None for one in first.value) == sum(one.settled for one in first.tallies.values())
    second = await resume_async(
        first.run, tmp_path / "one.db", options=given_to(server, tmp_path, workers=2, budget="900 calls")
    )
    paid = server.answers()
    assert (second.status, None in second.value) == ("done", False)
    alone = given_to(server, tmp_path, model="openai:m", journal=tmp_path / "two.db")
    whole: Result = await run_async(flow, {"qs": QS}, options=alone)
    assert second.value == whole.value
    assert paid == server.answers() - paid


CALLED = """
flow inner(qs: [text]) budget {} calls {{
  return map q in qs {{
    repeat 1..9 {{ ask "{{{{ q }}}}" -> a | b | c with seed: 1 }} reduce {}
  }} reduce collect
}}
flow f(qs: [text]) {{ x = inner(qs: qs) return x }}
"""


@given(
    ballots=st.lists(st.text("abc", min_size=9, max_size=9), min_size=1, max_size=6),
    calls=st.integers(1, 40),
    rule=st.sampled_from(["ahead(2, undecided: none)", "ahead(2, undecided: first)", "majority(undecided: none)"]),
    limit=st.sampled_from([1, 3, 64]),
)
@settings(max_examples=60, deadline=None)
def test_the_budget_of_a_called_flow_holds_and_its_votes_end_as_they_say(
    ballots: list[str], calls: int, rule: str, limit: int
) -> None:
    text = CALLED.format(calls, rule)
    text = text.replace("1..9", "5") if "majority" in rule else text
    ran = Run(
        text,
        lambda request, number: Scripted(ballots[int(request.messages[-1].text)][(request.seed or 1) - 1], 1.0),
        inputs={"qs": [str(one) for one in range(len(ballots))]},
        limit=limit,
    )
    with within(30):
        ran.go()
    assert len(ran.provider.calls) <= calls
    assert max(Counter(ran.prompts).values(), default=0) <= 9
    assert len(ran.outcome.tallies) == len(ballots) or not ran.outcome.complete
    if "none" in rule:
        assert ran.outcome.complete
        assert len(ran.outcome.value) == len(ballots)
    if len(ran.provider.calls) < calls and ran.outcome.complete:
        assert ran.outcome.status == "done"
