"""Shapes of runs whose order matters: early votes, races, time-outs, budgets, stops and hedges."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import plan
from flowrun.runtime import RunOptions, Stop, run_async
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import EndpointError, PermanentError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, recorded, steady

Json = Any
Script = Callable[[Request, int], Scripted | str]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def both(
    text: str, script: Script, folder: Path, inputs: dict[str, Json] | None = None, **options: Any
) -> tuple[Result, RunRecord]:
    """Run a flow in virtual time, and read its record."""
    flow: plan.Plan = planned(text)

    def opener(model: str, around: Any) -> ScriptedProvider:
        provider = scripted(script)(model, around)
        provider.endpoint = model.partition(":")[0]
        return provider

    settings = RunOptions(model="m", opener=opener, journal=folder / "j.db", learn=False, **options)
    result = in_virtual_time(run_async(flow, inputs or {}, options=settings))
    return result, recorded(folder / "j.db", flow)


def same(result: Result, record: RunRecord) -> None:
    assert record.status == result.status
    assert record.end.value == result.value
    assert record.end.votes == result.tallies
    ends = [(one.path, one.reason) for one in (*result.losses, *result.failures)]
    assert Counter((one.path, one.reason) for one in record.end.losses) == Counter(ends)
    assert all(one.request is not None for one in record.calls)
    assert not [note for note in record.notes if "prices" not in note]


def number_of(request: Request) -> int:
    found = re.search(r"\d+", request.messages[-1].text)
    return int(found[0]) if found else 0


def states(record: RunRecord) -> Counter[str]:
    return Counter(one.state for one in record.calls)


def test_an_early_vote_over_a_long_list_counts_the_same_ballots(tmp_path: Path) -> None:
    """The vote ends after a part of its list, and a block opens only as many bodies as the endpoint may need."""
    text = """model big = "openai:big" with concurrency: 20
flow f(items: [int]) {
  v = map i in items { ask big "{{ i }}" -> yes | no } reduce majority
  return v
}"""

    def script(request: Request, n: int) -> Scripted:
        return Scripted("no" if number_of(request) % 3 == 0 else "yes", n % 7)

    result, record = both(text, script, tmp_path, {"items": list(range(200))})
    same(result, record)
    assert 100 < states(record)["answered"] < 200


def test_a_race_has_its_winner_and_the_calls_that_it_cancelled(tmp_path: Path) -> None:
    text = """flow f() {
  w = fanout { a = ask "1" b = ask "2" c = ask "3" } reduce first
  return w
}"""
    result, record = both(text, lambda request, n: Scripted(f"x{n}", 9 - 4 * (n == 1)), tmp_path)
    same(result, record)
    assert result.value == "x1"
    assert {one.path: one.state for one in record.calls} == {"w.a": "cancelled", "w.b": "answered", "w.c": "cancelled"}


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5), (5, 4, 3, 2, 1), (2, 4, 1, 5, 3)])
def test_a_vote_counts_the_ballots_that_came_first(order: tuple[int, ...], tmp_path: Path) -> None:
    text = """flow f() {
  v = repeat 5 { ask "q" -> a | b } reduce majority with launch: latency
  return v
}"""
    result, record = both(text, lambda request, n: Scripted("ab"[n % 2], order[n % 5]), tmp_path)
    same(result, record)
    assert record.end.votes["v"].counted == result.tallies["v"].counted


def test_a_time_out_ends_a_block_in_the_middle_of_a_run(tmp_path: Path) -> None:
    text = """flow f(items: [int]) {
  quick = map i in items { ask "{{ i }}" } reduce collect with timeout: 5s, errors: skip
  return quick
}"""
    result, record = both(
        text, lambda request, n: Scripted("x", 50 if n == 2 else 1), tmp_path, {"items": [0, 1, 2, 3]}
    )
    same(result, record)
    assert states(record) == {"answered": 3, "cancelled": 1}


def test_a_time_out_in_a_body_lets_the_flow_go_on(tmp_path: Path) -> None:
    text = """flow f(items: [int]) {
  all = map i in items {
    c = chain { a = ask "{{ i }}" b = ask "then {{ i }}" } with timeout: 5s
    d = ask "after {{ i }} {{ c }}"
  } reduce collect with errors: skip
  end = ask "end {{ all | length }}"
  return end
}"""

    def script(request: Request, n: int) -> Scripted:
        return Scripted("x", 50 if number_of(request) == 1 else 1)

    result, record = both(text, script, tmp_path, {"items": [0, 1, 2]})
    same(result, record)
    assert result.losses


def test_a_budget_leaves_calls_unsent(tmp_path: Path) -> None:
    text = """flow f(items: [int]) budget 3 calls {
  all = map i in items { ask "{{ i }}" } reduce collect with errors: skip
  return all
}"""
    result, record = both(
        text, lambda request, n: Scripted("x", 1), tmp_path, {"items": [0, 1, 2, 3, 4]}, budget="3 calls"
    )
    same(result, record)
    assert states(record) == {"answered": 3, "unsent": 2}
    assert all("budget" in one.reason for one in record.calls if one.state == "unsent")


def test_a_stopped_run_keeps_what_was_sent(tmp_path: Path) -> None:
    stop = Stop()
    text = """flow f(items: [int]) {
  all = map i in items { a = ask "{{ i }}" b = ask "then {{ i }} {{ a }}" } reduce collect
  return all
}"""

    def script(request: Request, n: int) -> Scripted:
        if n == 0:
            asyncio.get_running_loop().call_later(0.5, stop)
        return Scripted("x", 1)

    result, record = both(text, script, tmp_path, {"items": [0, 1, 2]}, stop=stop)
    assert record.status == result.status == "stopped"
    assert all(one.request is not None for one in record.calls)
    assert not record.end.complete
    assert states(record) == {"answered": 3, "unsent": 3}


@pytest.mark.parametrize("kind", [EndpointError, PermanentError])
def test_a_closed_endpoint_fails_calls_without_a_request(kind: type[PermanentError], tmp_path: Path) -> None:
    text = """model big = "openai:big" with concurrency: 1
flow f(items: [int]) {
  all = map i in items { ask big "{{ i }}" } reduce collect with errors: skip
  other = ask "after {{ all | length }}"
  return other
}"""

    def script(request: Request, n: int) -> Scripted:
        if request.messages[-1].text.startswith("after"):
            return Scripted("fine", 1)
        return Scripted(kind("no such key", status=401), 1)

    result, record = both(text, script, tmp_path, {"items": [0, 1, 2]})
    same(result, record)
    assert states(record)["failed"] >= 1


def test_a_slow_request_that_is_sent_twice_has_two_attempts(tmp_path: Path) -> None:
    text = """flow f(items: [int]) {
  all = map i in items { ask "{{ i }}" with hedge: p90 } reduce collect
  return all
}"""
    slow: list[int] = []

    def script(request: Request, n: int) -> Scripted:
        number = number_of(request)
        first = number == 59 and not slow
        slow.extend([number] * first)
        return Scripted("x", 100 if first else 1)

    result, record = both(text, script, tmp_path, {"items": list(range(60))})
    same(result, record)
    assert result.summary.hedged == 1
    [twice] = [one for one in record.calls if len(one.attempts) == 2]
    assert sorted(one.end for one in twice.attempts) == ["answered", "cancelled"]


def test_a_run_with_a_lost_branch_elements_and_places_is_read_again(tmp_path: Path) -> None:
    text = """flow f(xs: [int]) {
      view = fanout { a = ask "a 0" b = ask "b 1" -> int c = chain { d = ask "d 2" ask "c {{ d }}" } }
        reduce collect with errors: none
      odd = map x, i in xs where i != 2 reduce collect
      said = map x, i in odd { ask "{{ x }} at {{ i }}" } reduce collect
      long = map s, i in said where i > 1 { ask "9 {{ s }} {{ i }}" } reduce collect
      return { view, odd, said, long }
    }"""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        lost = prompt.startswith(("b", "d"))
        return Scripted(PermanentError("no") if lost else prompt, 5.0 - number_of(request) % 5)

    result, record = both(text, script, tmp_path, {"xs": [7, 8, 9]})
    assert result.value == {
        "view": {"a": "a 0", "b": None, "c": None},
        "odd": [7, 9],
        "said": ["7 at 1", "9 at 2"],
        "long": ["9 9 at 2 2"],
    }
    assert sorted(loss.path for loss in result.losses) == ["view.b", "view.c.d"]
    assert (record.status, record.end.value) == (result.status, result.value)
    assert sorted(one.path for one in record.end.losses) == ["view.b", "view.c.d"]
    assert states(record) == Counter(answered=4, failed=2)
