"""The words for the ends of attempts: the same in the closing line, the account, the journal, `show` and the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import Result, RunOptions, resume_async, run_async
from flowrun.runtime.account.figures import figures_of
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.cli.views.call_page import call_lines
from flowrun.runtime.cli.views.screen import Screen
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.replay import read_run
from flowrun.runtime.session.run import Stop
from flowrun.runtime.vocabulary.call_record import End
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

ONE = 'flow f() { a = ask "Hello" return a }'
RACE = 'flow f() { a = fanout { quick = ask "quick" slow = ask "slow" } reduce first return a }'
Json = Any


@dataclass(frozen=True)
class Case:
    """An end of an attempt: what the model does first, and what is told of it."""

    end: End
    word: str
    closing: str
    first: CallError | str = ""
    flow: str = ONE
    counted: str = ""


CASES = {
    "a good answer": Case("answered", "answered", "1 call · ", "x", counted="answered"),
    "a reply without an answer": Case(
        "spoilt",
        "spoilt",
        "1 call in 2 requests (1 spoilt, 1 with uncounted tokens) · ",
        AnswerError("it is empty", text=""),
        counted="spoilt",
    ),
    "429": Case(
        "refused", "refused", "1 call in 2 requests (1 retry) · ", RefusedError("slow", status=429), counted="refused"
    ),
    "no connection": Case(
        "refused", "refused", "1 call in 2 requests (1 retry) · ", RefusedError("it is away"), counted="refused"
    ),
    "400": Case(
        "refused", "refused", "0 calls in 1 request (1 failed) · ", PermanentError("no", status=400), counted="refused"
    ),
    "500": Case(
        "doubtful", "in doubt", "1 call in 2 requests (1 in doubt, 1 retry) · ", InDoubtError("boom", status=500)
    ),
    "a time-out": Case("doubtful", "in doubt", "1 call in 2 requests (1 in doubt, 1 retry) · ", InDoubtError("late")),
    "a race": Case("cancelled", "cancelled", "1 call in 2 requests (1 cancelled) · ", flow=RACE, counted="cancelled"),
}


def script(case: Case) -> Callable[[Any, int], Scripted]:
    def answer(request: Any, number: int) -> Scripted:
        if case.flow is RACE:
            return Scripted("x", 1 if request.messages[-1].text == "quick" else 9)
        return Scripted(case.first if number == 0 else "x", 1)

    return answer


def options(case: Case, journal: Path | None, **given: Any) -> RunOptions:
    return RunOptions(model="m", opener=scripted(script(case)), journal=journal, learn=False, **given)


@pytest.fixture(autouse=True)
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))


def figures(result: Result) -> Json:
    return figures_of(result.summary.whole, result.summary.prices)


def in_journal(path: Path, result: Result) -> Json:
    with JournalReader(path) as reader:
        run = reader.index.named(result.run)[0]
        return figures_of(reader.pasts([run.number])[run.number].account, result.summary.prices)


def shown(path: Path) -> tuple[list[End], list[str]]:
    """The ends of the attempts of a run, and the lines of its calls."""
    with JournalReader(path) as reader:
        record = read_run(reader, reader.index.named("last")[0])
    calls = RunCalls(record)
    lines = [line for at in range(len(record.calls)) for line in call_lines(calls, at, Screen())]
    return [one.end for call in record.calls for one in call.attempts], lines


@pytest.mark.parametrize("name", CASES)
def test_an_end_has_one_word_everywhere(name: str, tmp_path: Path) -> None:
    case, path = CASES[name], tmp_path / "j.db"
    result = in_virtual_time(run_async(planned(case.flow), options=options(case, path)))
    assert closing_line(result).startswith(case.closing)
    ends, lines = shown(path)
    assert case.end in ends
    assert any(line[1:].startswith(f"  {case.word} at ") for line in lines)
    account = figures(result)
    assert in_journal(path, result) == account
    if case.counted:
        assert account[case.counted] == 1
    in_doubt = account["broken_off"] - account["cancelled"]
    assert in_doubt == ends.count("doubtful") == result.summary.whole.in_doubt
    assert account["cancelled"] == ends.count("cancelled")
    without = in_virtual_time(run_async(planned(case.flow), options=options(case, None)))
    assert figures(without) == account
    assert sorted(one["end"] for row in without.calls for one in row["attempts"]) == sorted(ends)


def test_a_request_that_a_stop_cuts_off_is_in_doubt_and_open(tmp_path: Path) -> None:
    """Its answer was still wanted, so the resume sends it again, and says that it may be paid."""
    path, late = tmp_path / "j.db", CASES["a good answer"]

    async def cut() -> Result:
        stop = Stop()
        slow = scripted(lambda request, number: Scripted("x", 100))
        given = RunOptions(model="m", opener=slow, journal=path, learn=False, stop=stop)
        asyncio.get_running_loop().call_later(1, stop, 15)
        return await run_async(planned(ONE), options=given)

    result = in_virtual_time(cut())
    assert closing_line(result).startswith("0 calls in 1 request (1 in doubt) · ")
    account = figures(result)
    assert (account["broken_off"], account["cancelled"]) == (1, 0)
    assert in_journal(path, result) == account
    ends, lines = shown(path)
    assert ends == ["open"]
    assert any(line.startswith("1  open at ") for line in lines)
    again_with = RunOptions(opener=scripted(script(late)), learn=False)
    again = in_virtual_time(resume_async(result.run, path, options=again_with))
    assert again.ok
    assert closing_line(again).startswith("1 call in 2 requests (1 in doubt) · ")
    ends, lines = shown(path)
    assert sorted(ends) == ["answered", "doubtful"]


def test_a_call_that_a_budget_keeps_back_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    flow = 'flow f(xs: [text]) { a = map x in xs { b = ask "{{ x }}" } reduce collect with errors: skip return a }'
    given = options(CASES["a good answer"], path, budget="1 calls")
    result = in_virtual_time(run_async(planned(flow), {"xs": ["a", "b"]}, options=given))
    assert closing_line(result).startswith("1 call · ")
    ends, lines = shown(path)
    assert ends == ["answered"]
    assert "a[1].b  unsent" in lines
