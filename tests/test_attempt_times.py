"""The rows about attempts in the journal: when an attempt began and ended, and what it waited for before."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions
from flowrun.runtime.api import resume_async, run_async
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InDoubtError, RefusedError
from flowrun.testing import VirtualLoop
from support.attempt_rows import attempt_rows
from support.bank import MODEL, PRICE, Bank, Stretch, stretch
from support.harness import planned, scripted
from support.paired_events import paired

MAP = 'flow f(items: [text]) {{ out = map x in items {{ ask m "{{{{ x }}}}"{} }} reduce collect{} return out }}'


def bank(**options: Any) -> Bank:
    return Bank(random.Random(0), (), seconds=lambda request: 1.0, **options)


def mapped(path: Path, at: Bank, count: int, options: str = "", model: str = MODEL, **more: Any) -> Stretch:
    text = f'model m = "openai:m" {model}\n' + MAP.format(options, more.pop("reduce", ""))
    return stretch(path, at, plan=planned(text), values={"items": [f"x{n}" for n in range(count)]}, **more)


def test_an_answer_has_its_span_and_an_intent_its_time(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    assert mapped(journal, bank(), 3).result
    assert {row.body["at"] for row in attempt_rows(journal, "intent")} == {0}
    assert {row.span for row in attempt_rows(journal, "answer")} == {(0, 1000)}
    assert all("waited" not in row.body for row in attempt_rows(journal))


def test_requests_that_wait_for_a_place_say_so(tmp_path: Path) -> None:
    """Eight places, and each request takes a second."""
    journal = tmp_path / "j.db"
    ran = mapped(journal, bank(), 20, model=f"{MODEL}, concurrency: 8")
    waited = [row.waited for row in attempt_rows(journal, "intent")]
    assert waited[:8] == [{}] * 8
    assert waited[8:16] == [{"width": 1000}] * 8
    assert waited[16:] == [{"width": 2000}] * 4
    assert [row.body["at"] for row in attempt_rows(journal, "intent")] == [0] * 8 + [1000] * 8 + [2000] * 4
    assert [dict(one.waited) for one in ran.of(e.RequestStarted)] == waited
    assert [round(one.at, 6) for one in ran.of(e.RequestStarted)] == [0] * 8 + [1] * 8 + [2] * 4


def test_requests_that_wait_for_the_rate_say_so(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    mapped(journal, bank(), 4, model=f"{MODEL}, rpm: 30")
    rows = attempt_rows(journal, "intent")
    assert not rows[0].waited
    for row in rows:
        assert sum(row.waited.values()) == pytest.approx(row.body["at"], abs=2)
        assert row.waited.keys() <= {"rate"}
    assert rows[-1].waited["rate"] > 1000


def test_a_request_that_fails_waits_for_its_next_attempt(tmp_path: Path) -> None:
    journal, failures = tmp_path / "j.db", iter(["doubt"])
    at = bank()
    at.fault_of = lambda prompt: next(failures, "") if prompt == "x1" else ""
    ran = mapped(journal, at, 3)
    [retried] = ran.of(e.RequestRetried)
    again = attempt_rows(journal, "intent")[-1]
    assert again.waited == {"backoff": round(1000 * retried.wait)}
    [doubt] = attempt_rows(journal, "doubt")
    assert doubt.span == (0, 1000)
    assert again.body["at"] == 1000 + again.waited["backoff"]
    started = ran.of(e.RequestStarted)[-1]
    assert (started.attempt, dict(started.waited)) == (2, again.waited)


def staged(path: Path, says: Callable[[Request, int], Scripted | str], text: str, **inputs: Any) -> list[e.Event]:
    """Run a flow with a scripted model in virtual time and keep a journal."""
    events: list[e.Event] = []
    policy = RetryPolicy(attempts=6)
    options = RunOptions(journal=path, opener=scripted(says), model="m", on_event=events.append, policy=policy)
    loop = VirtualLoop()
    try:
        loop.run_until_complete(run_async(planned(text), options=options, **inputs))
    finally:
        loop.close()
    assert not paired(events).out
    return events


PLAIN = 'flow f(xs: [int]) { r = map x in xs { ask "{{ x }}" } reduce collect return r }'


def test_a_pause_that_the_server_asks_for_is_told_of_all_that_wait(tmp_path: Path) -> None:
    """One request is refused for five seconds. It waits so long, and so do those that had no place before."""
    journal = tmp_path / "j.db"

    def says(request: Request, number: int) -> Scripted:
        return Scripted(RefusedError("slower", status=429, retry_after=5.0) if not number else "x", 1.0)

    text = PLAIN.replace("reduce collect", "reduce collect with concurrency: 70")
    staged(journal, says, text, xs=[*range(70)])
    rows = attempt_rows(journal, "intent")
    late = [row for row in rows if row.body["at"] > 2000]
    assert len(late) == 7
    for row in late:
        assert row.waited["retry_after"] == pytest.approx(5000, abs=300)
        assert row.waited.get("width", 0) <= 1001
        assert sum(row.waited.values()) <= row.body["at"]
    [refused] = attempt_rows(journal, "refused")
    assert refused.span[1] - refused.span[0] == 1000


def test_an_outage_is_told_of_all_that_wait_for_its_end(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"

    def says(request: Request, number: int) -> Scripted:
        return Scripted("x" if number < 64 or number > 140 else InDoubtError("down", status=500), 0.5)

    staged(journal, says, PLAIN, xs=[*range(200)])
    causes = {cause for row in attempt_rows(journal, "intent") for cause in row.waited}
    assert "outage" in causes
    for row in attempt_rows(journal, "intent"):
        assert sum(row.waited.values()) <= row.body["at"] + 1


def test_calls_that_wait_for_a_budget_say_so(tmp_path: Path) -> None:
    """The budget holds back the worst cost of a call, and the calls cost much less."""
    journal = tmp_path / "j.db"
    worst = PRICE.worst(2 + 32, 40) or 0.0
    at = bank()
    ran = mapped(journal, at, 6, budget=Budget(None, 2.5 * worst))
    rows = attempt_rows(journal, "intent")
    assert {cause for row in rows for cause in row.waited} == {"budget"}
    for row in rows:
        assert row.waited.get("budget", 0) == row.body["at"]
    assert any(row.waited for row in rows)
    assert [dict(one.waited) for one in ran.of(e.RequestStarted)] == [row.waited for row in rows]


def test_a_resumed_run_counts_from_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, at, wall = tmp_path / "j.db", bank(), 1_000_000.0
    monkeypatch.setattr("time.time", lambda: wall)
    mapped(journal, at, 20, kill_at=1.5)
    wall += 3600
    again = stretch(journal, at)
    assert again.result is not None and again.result.ok
    answers = attempt_rows(journal, "answer")
    assert {row.span for row in answers[:8]} == {(0, 1000)}
    assert {row.span for row in answers[8:16]} == {(3_600_000, 3_601_000)}
    assert {row.span for row in answers[16:]} == {(3_601_000, 3_602_000)}
    assert min(one.at for one in again.of(e.RequestStarted)) == 3600
    assert again.events[-1].at == pytest.approx(3602)
    # A clock that was set back does not put a part of the run before its beginning.
    wall -= 10_000
    journal = tmp_path / "k.db"
    mapped(journal, at, 20, kill_at=1.5)
    wall -= 10_000
    stretch(journal, at)
    assert min(row.body["at"] for row in attempt_rows(journal, "intent")) == 0


def test_both_requests_of_a_hedged_call_have_their_times(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    at = bank()
    slow = iter([40.0, 1.0])
    at.seconds = lambda request: next(slow) if request.messages[-1].text == "x7" else 1.0
    ran = mapped(journal, at, 8, " with hedge: p75")
    first, second = (row for row in attempt_rows(journal, "intent") if row.place.startswith("out[7]"))
    assert first.body["at"] == 0 < second.body["at"]
    [lost] = attempt_rows(journal, "cancelled")
    [won] = [row for row in attempt_rows(journal, "answer") if row.place.startswith("out[7]")]
    assert won.span == (second.body["at"], second.body["at"] + 1000)
    assert lost.span == (0, won.span[1])
    *_, began = ran.of(e.RequestStarted)
    assert began.beside == next(one.number for one in ran.of(e.RequestStarted) if one.path == began.path)


def test_answers_that_are_kept_or_spoilt_or_missing_have_their_times(tmp_path: Path) -> None:
    """A vote is decided while a request is under way; a reply is no answer; a reply has too few answers."""
    text = f"""model m = "openai:m" {MODEL}
    flow f() {{ v = repeat 8 {{ ask m "which" -> A | B }} reduce majority with launch: together return v }}"""
    for fault in ("few", "spoilt", "mute"):
        journal = tmp_path / f"{fault}.db"
        faults = iter([fault])
        at = bank(samples=4, speak=lambda request: "A")
        at.dice = random.Random(3)
        at.fault_of = lambda prompt, faults=faults: next(faults, "")  # type: ignore[misc]
        at.seconds = lambda request, at=at: 1.0 + at.requests
        stretch(journal, at, plan=planned(text))
        ends = attempt_rows(journal, "answer", "refused", "doubt", "cancelled")
        intents = attempt_rows(journal, "intent")
        assert len(ends) == len(intents)
        begun = {row.body["at"] for row in intents}
        for row in ends:
            assert row.span[0] in begun
            assert row.span[1] >= row.span[0] + 1000


async def test_a_resumed_run_of_the_real_clock(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    policy = RetryPolicy(attempts=1)

    def says(request: Request, number: int) -> Scripted:
        return Scripted(RefusedError("no", status=429) if number == 1 else "x", 0.02)

    plan = planned('flow f() { a = ask "a" b = ask "b {{ a }}" return b }')
    opener = scripted(says)
    first = await run_async(plan, options=RunOptions(journal=journal, opener=opener, model="m", policy=policy))
    assert not first.ok
    again = await resume_async("last", journal, options=RunOptions(opener=scripted(lambda request, number: "x")))
    assert again.ok
    times = [time for row in attempt_rows(journal) for time in ([row.body["at"]] if "at" in row.body else row.span)]
    assert times == sorted(times)
    assert times[-1] >= 40
