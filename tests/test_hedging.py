"""`hedge`: what takes longer than most of its like is asked once more, within a share, and the faster answer counts."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.journal.records import OF_CALLS
from flowrun.runtime.limits.tail import MARGIN, Tail
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError, RefusedError
from support.few_cases import some
from support.harness import Run, stage
from support.written import read_journal

MANY = 'flow f(q: [int]) {{ out = map x in q {{ ask "{{{{ x }}}}" {} }} reduce collect return out }}'
Script = Callable[[Request, int], Scripted]


def fan_out(seed: int, options: str) -> Run:
    """50 calls with log-normal times, median 200 ms and p99 2 s; a call that is sent again takes a time of its own."""
    draw = random.Random(seed)
    return stage(
        MANY.format(options),
        lambda request, number: Scripted(request.messages[-1].text, 0.2 * draw.lognormvariate(0, 0.99)),
        {"q": list(range(50))},
    )


@pytest.mark.parametrize(
    ("hedge", "share", "median", "tail"), some([("p95", 0.05, 1.4, 1.8), ("p90", 0.1, 1.6, 1.8)], 2)
)
def test_a_fan_out_is_over_sooner_for_few_more_calls(hedge: str, share: float, median: float, tail: float) -> None:
    without = [fan_out(seed, "").seconds for seed in range(200)]
    runs = [fan_out(seed, f"with hedge: {hedge}") for seed in range(200)]
    with_it = [run.seconds for run in runs]
    assert all(run.outcome.value == [str(n) for n in range(50)] for run in runs)
    assert max(len(run.provider.calls) for run in runs) <= 50 * (1 + share)
    assert statistics.median(without) / statistics.median(with_it) >= median
    assert statistics.quantiles(without, n=10)[8] / statistics.quantiles(with_it, n=10)[8] >= tail


def slow(*numbers: int, usual: float = 1.0, seconds: float = 60.0, again: float = 1.0) -> Script:
    """All prompts take the ``usual`` time but for these, which take longer the first time."""
    seen: set[str] = set()

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        first = prompt not in seen
        seen.add(prompt)
        if int(prompt) in numbers:
            return Scripted(f"first {prompt}" if first else f"again {prompt}", seconds if first else again)
        return Scripted(prompt, usual)

    return script


def test_the_loser_is_broken_off_and_the_answer_of_the_faster_one_counts() -> None:
    run = stage(MANY.format("with hedge: p95"), slow(7), {"q": list(range(40))})
    assert run.outcome.value == [str(n) if n != 7 else "again 7" for n in range(40)]
    assert run.seconds == pytest.approx(2.0 + MARGIN)
    assert [event.path for event in run.of(e.CallHedged)] == ["out[7].line 1"]
    assert len(run.of(e.RequestStarted)) == 41
    assert len(run.of(e.RequestCancelled)) == 1
    other = stage(MANY.format("with hedge: p95"), slow(7, seconds=1.5, again=9.0), {"q": list(range(40))})
    assert other.outcome.value[7] == "first 7"
    assert other.seconds == 1.5
    assert len(other.of(e.RequestCancelled)) == 1


def test_as_few_as_the_share_allows_are_sent_twice() -> None:
    run = stage(MANY.format("with hedge: p90"), slow(1, 2, 3, 4, 5, 6), {"q": list(range(40))})
    assert len(run.of(e.CallHedged)) == 0  # more than a tenth are slow: nobody is slower than most
    run = stage(MANY.format("with hedge: p90"), slow(1, 2, 3, 4), {"q": list(range(40))})
    assert len(run.of(e.CallHedged)) == 4
    assert stage(MANY.format("with hedge: p95"), slow(1), {"q": list(range(10))}).seconds == 60


def test_nothing_is_sent_twice_where_others_still_wait_for_a_place() -> None:
    run = stage(MANY.format("with hedge: p75"), slow(0, seconds=30), {"q": list(range(40))}, limit=4)
    hedged = [at for event, at in zip(run.events, run.at, strict=True) if isinstance(event, e.CallHedged)]
    last = max(at for event, at in zip(run.events, run.at, strict=True) if isinstance(event, e.RequestStarted))
    assert hedged
    assert hedged[0] >= last - 1
    assert run.provider.peak == 4


def test_without_the_option_nothing_is_sent_twice() -> None:
    assert stage(MANY.format(""), slow(7), {"q": list(range(40))}).seconds == 60


def test_calls_of_other_steps_are_no_measure() -> None:
    text = """flow f(q: [int]) {
      out = map x in q { a = ask "{{ x }}" with hedge: p90 b = ask "1{{ x }} {{ a }}" [a, b] } reduce collect
      return out }"""

    def script(request: Request, number: int) -> Scripted:
        return Scripted("x", 1.0 if " " not in request.messages[-1].text else 50.0)

    run = stage(text, script, {"q": list(range(20))})
    assert run.seconds == 51
    assert not run.of(e.CallHedged)


@pytest.mark.parametrize("second", [PermanentError("no"), RefusedError("busy", status=503)])
def test_a_second_one_that_fails_changes_nothing(second: Exception) -> None:
    base = slow(7, seconds=30)

    def script(request: Request, number: int) -> Scripted:
        done = base(request, number)
        return Scripted(second, 1.0) if str(done.text).startswith("again") else done  # type: ignore[arg-type]

    run = stage(MANY.format("with hedge: p95"), script, {"q": list(range(40))})
    assert run.outcome.value[7] == "first 7"
    assert run.seconds == 30


def test_a_first_one_that_fails_leaves_the_second_to_answer() -> None:
    base = slow(7, again=60.0)

    def script(request: Request, number: int) -> Scripted:
        done = base(request, number)
        return Scripted(RefusedError("busy", status=503), 10.0) if str(done.text).startswith("first") else done

    run = stage(MANY.format("with hedge: p95"), script, {"q": list(range(40))})
    assert run.outcome.complete
    assert str(run.outcome.value[7]).startswith("again")


def test_a_vote_asks_for_other_ballots_and_none_twice() -> None:
    text = """flow f(q: [int]) {
      out = map x in q { repeat 5 { ask "{{ x }}" -> a | b with hedge: p75 } reduce majority } reduce collect
      return out }"""
    plan = make_plan(check_flow(Source(text), catalog()))
    vote = next(step for step in plan.walk() if isinstance(step.node, p.Repeat))
    assert vote.options["launch"] == p.Constant("latency")

    def script(request: Request, number: int) -> Scripted:
        return Scripted("a", 60.0 if number % 10 == 3 else 1.0)

    run = stage(text, script, {"q": list(range(10))})
    assert run.outcome.value == ["a"] * 10
    assert run.seconds == 1.0
    assert not run.of(e.CallHedged)


# Plan, budget, journal


def test_the_plan_counts_them() -> None:
    plan = make_plan(check_flow(Source(MANY.format("with hedge: p95, retries: 0")), catalog()))
    bounds = bounds_of(plan, catalog().reducers, {"out": 50})
    assert (bounds.calls.least, bounds.calls.most) == (50, 52)
    one = make_plan(check_flow(Source('flow f() { a = ask "x" with hedge: p75, retries: 0 return a }'), catalog()))
    assert bounds_of(one, catalog().reducers).calls.most == 1


@pytest.mark.parametrize(("calls", "twice"), [(40, 0), (41, 1)])
async def test_a_budget_has_room_for_it_or_it_is_not_sent(calls: int, twice: int) -> None:
    plan = make_plan(check_flow(Source(MANY.format("with hedge: p95")), catalog()))
    provider = ScriptedProvider(slow(7, usual=0.01, seconds=0.5, again=0.01))
    result = await run_async(
        plan,
        {"q": list(range(40))},
        options=RunOptions(opener=lambda address, around: provider, budget=Budget(calls, None)),
    )
    assert result.ok
    assert len(provider.calls) == 40 + twice
    assert result.summary.hedged == twice


async def test_both_are_in_the_journal_and_none_is_asked_again(tmp_path: Path) -> None:
    plan = make_plan(check_flow(Source(MANY.format("with hedge: p95")), catalog()))
    provider = ScriptedProvider(slow(7, usual=0.01, seconds=0.5, again=0.01))
    given: dict[str, Any] = {"opener": lambda address, around: provider, "journal": tmp_path / "journal.db"}
    first = await run_async(plan, {"q": list(range(40))}, options=RunOptions(**given))
    index = read_journal(tmp_path / "journal.db")
    (run,) = index.runs
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        counts = dict(journal.execute(f"SELECT kind, count(*) FROM records WHERE kind IN {OF_CALLS} GROUP BY kind"))
    assert counts == {"intent": 41, "answer": 40, "cancelled": 1}
    assert not index.open
    assert not index.in_doubt(run)
    second = await run_async(plan, {"q": list(range(40))}, options=RunOptions(**given))
    assert second.value == first.value
    assert len(provider.calls) == 41


async def test_against_a_server_the_loser_is_hung_up_on(faults: Any) -> None:
    text = 'model m = "openai:m" with concurrency: 50 ' + MANY.format("with hedge: p95").replace("ask", "ask m")
    plan = make_plan(check_flow(Source(text), catalog()))
    seen: list[str] = []

    async def reply(request: Any) -> Any:
        from aiohttp import web

        prompt = (await request.json())["messages"][-1]["content"]
        first = prompt not in seen
        seen.append(prompt)
        if prompt == "7" and first:
            await asyncio.sleep(30)
        message = {"role": "assistant", "content": prompt}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    for _ in range(42):
        faults.replies.append(reply)
    result = await run_async(plan, {"q": list(range(40))}, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}))
    assert result.value == [str(n) for n in range(40)]
    assert seen.count("7") == 2
    assert result.summary.seconds < 10
    # On a busy machine another request may take long too, and the share allows two.
    assert len({one["Idempotency-Key"] for one in faults.headers}) in (41, 42)


# The cap


def test_where_each_is_slower_than_all_before_as_few_as_the_share_are_sent_twice() -> None:
    """One after the other, each of them counts as slow: nothing but the cap holds them back."""
    asked: dict[str, int] = {}

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        asked[prompt] = asked.get(prompt, 0) + 1
        return Scripted(prompt, 1.1 ** int(prompt))

    text = MANY.format("with hedge: p90").replace("} reduce collect", "} reduce collect with concurrency: 1")
    run = stage(text, script, {"q": list(range(60))})
    assert run.outcome.value == [str(n) for n in range(60)]
    started, hedged = set(), 0
    for event in run.events:
        if isinstance(event, e.CallHedged):
            hedged += 1
        elif isinstance(event, e.RequestStarted):
            started.add(event.path)
        assert 10 * hedged <= len(started)
    assert hedged == 6
    assert sorted(asked.values()) == [1] * 54 + [2] * 6


@given(st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99]), st.lists(st.floats(0.01, 5), min_size=1, max_size=80))
def test_the_cap_holds_at_every_moment_and_is_used_up(quantile: float, growths: list[float]) -> None:
    """Each request begins when the one before has ended, and takes longer than all of them."""
    tail = Tail(quantile)
    now, seconds = 0.0, 1.0
    for number, growth in enumerate(growths):
        tail.began(number, now)
        seconds *= 1 + 10 * MARGIN + growth
        now += seconds
        slow_ones, _ = tail.slow(now, set())
        if slow_ones and tail.allowed:
            tail.sent_twice += 1
        assert tail.sent_twice <= (1 - quantile) * tail.started + 1e-6
        # Once so many are back that a quantile can be told, no place under the cap is left free.
        if slow_ones:
            assert tail.sent_twice + 1 > (1 - quantile) * tail.started - 1e-6
        tail.ended(number, seconds)


# What counts as slow


@given(
    st.sampled_from([0.75, 0.9, 0.95, 0.99]),
    st.lists(st.floats(0.01, 10), min_size=1, max_size=300),
)
def test_never_more_than_the_share_and_never_one_that_is_quick(quantile: float, times: list[float]) -> None:
    tail = Tail(quantile)
    twice: set[int] = set()
    done: list[float] = []
    for number in range(len(times)):
        tail.began(number, 0.0)
    for number, seconds in sorted(enumerate(times), key=lambda one: one[1]):
        tail.ended(number, seconds)
        done.append(seconds)
        slow_ones, then = tail.slow(seconds, twice)
        for one in slow_ones:
            if tail.allowed:
                tail.sent_twice += 1
                twice.add(one)
                # As many as the quantile says were quicker than it is now.
                assert len(done) >= quantile * len(times) - 1e-6
        assert then is None or then >= seconds
    assert tail.sent_twice <= (1 - quantile) * len(times) + 1e-6
