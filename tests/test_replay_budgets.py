"""Budgets and failures without a row of their own: a replay counts them as the run did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_replay_kills import copied
from test_replay_shapes import both, number_of, same, states

from flowrun.runtime import RetryPolicy, RunError, RunOptions, resume_async, run_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InDoubtError, RefusedError
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, recorded, steady

Json = Any


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def test_a_call_that_was_given_up_early_has_failed(tmp_path: Path) -> None:
    """The time for retries is over after two attempts; no row says that the second failure was the last."""
    text = """flow f(items: [int]) {
  all = map i in items { ask "{{ i }}" } reduce collect with errors: skip
  end = ask "end {{ all | length }}"
  return end
}"""

    def script(request: Request, n: int) -> Scripted:
        bad = request.messages[-1].text == "1"
        return Scripted(RefusedError("busy", status=503) if bad else "x", 1)

    policy = RetryPolicy(attempts=5, wait_initial=0.5, total=2.0)
    result, record = both(text, script, tmp_path, {"items": [0, 1, 2]}, policy=policy)
    assert result.losses
    assert record.end.value == result.value
    assert [one.path for one in record.end.losses] == [one.path for one in result.losses]
    assert states(record) == {"answered": 3, "failed": 1}


def test_a_second_request_for_a_slow_call_counts_in_the_budget(tmp_path: Path) -> None:
    text = """flow f(items: [int]) {
  all = map i in items { ask "{{ i }}" with hedge: p90 } reduce collect
  more = map i in [1, 2] { ask "more {{ i }} {{ all | length }}" } reduce collect with errors: skip
  return more
}"""
    slow: list[int] = []

    def script(request: Request, n: int) -> Scripted:
        first = request.messages[-1].text == "59" and not slow
        slow.extend([1] * first)
        return Scripted("x", 100 if first else 1)

    result, record = both(text, script, tmp_path, {"items": list(range(60))}, budget="62 calls")
    assert result.summary.hedged == 1
    same(result, record)
    assert states(record)["unsent"] == 1


FLOW = """flow f(items: [int]) {
  all = map i in items { ask "{{ i }}" } reduce collect with errors: skip
  return all
}"""


def test_a_resumed_run_counts_what_it_had_spent(tmp_path: Path) -> None:
    """The attempts under way when the run was killed count in the budget, and are not the first attempts of a retry."""
    flow, journal, killed = planned(FLOW), tmp_path / "j.db", tmp_path / "k.db"

    def script(request: Request, n: int) -> Scripted:
        return Scripted("x", 1 + 2 * (number_of(request) > 1))

    first = RunOptions(model="openai:m", opener=scripted(script), journal=journal, learn=False, budget="6 calls")
    in_virtual_time(copied(run_async(flow, {"items": [0, 1, 2, 3, 4]}, options=first), 2.0, journal, killed))

    def again(request: Request, n: int) -> Scripted:
        return Scripted(InDoubtError("boom", status=500) if number_of(request) == 2 else "x", 1)

    options = RunOptions(opener=scripted(again), learn=False)
    with JournalReader(killed) as reader:
        name = reader.index.named("last")[0].id
    try:
        result = in_virtual_time(resume_async(name, killed, options=options))
    except RunError as error:
        assert error.result is not None
        result = error.result
    record = recorded(killed, flow)
    same(result, record)
    assert sum("budget" in one.reason for one in result.losses) == 3
    assert states(record) == {"answered": 2, "failed": 3}
    with closing(sqlite3.connect(killed)) as connection:
        sent = connection.execute("SELECT count(*) FROM records WHERE kind = 'intent'").fetchone()[0]
    assert sum(len(one.attempts) for one in record.calls) == sent


def test_a_resumed_run_is_read_with_the_budget_that_the_resume_gave_it(tmp_path: Path) -> None:
    flow, journal = planned(FLOW), tmp_path / "j.db"
    script = scripted(lambda request, n: "x")
    first = RunOptions(model="openai:m", opener=script, journal=journal, learn=False, budget="3 calls")
    spent = in_virtual_time(run_async(flow, {"items": [0, 1, 2, 3, 4]}, options=first))
    assert spent.status == "budget"
    more = RunOptions(opener=script, learn=False, budget="9 calls")
    result = in_virtual_time(resume_async("last", journal, options=more))
    record = recorded(journal, flow)
    same(result, record)
    assert record.end.value == ["x"] * 5 and states(record) == {"answered": 5}
