"""The live page of a run with worker processes: it shows the calls that these make as it shows those of one process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun import RunOptions
from flowrun.runtime.account.sums import Figures
from flowrun.runtime.api import resume_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.live import state_parts
from flowrun.runtime.live.page import LivePage
from flowrun.runtime.replay import read_run
from flowrun.runtime.session import shown_live
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.workers import beginning
from flowrun.runtime.workers.event_forms import EventReader
from support.model_server import Served, model_server
from support.worker_pids import worker_pids
from support.worker_runs import MODEL, environ, ran

FLOW = f"""
model m = "{MODEL}" with concurrency: 20
type Row = {{ id: text, note: text }}
flow many(rows: [Row]) {{
  drafts = map row in rows {{
    draft = ask m "Draft {{{{ row.note }}}}"
    mark = ask m "Rate {{{{ draft }}}}" -> 1..9 check mark > 6 else "Higher." with retries: 1
    good = repeat 3 {{ ask m "Is {{{{ draft }}}} good?" -> yes | no }} reduce majority
    {{ draft, mark, good }}
  }} reduce collect with errors: skip
  verdict = repeat 5 {{ ask m "Is all well?" -> yes | no }} reduce majority
  return {{ drafts, verdict }}
}}
"""
PLAIN = f"""
model m = "{MODEL}" with concurrency: 20
flow many(xs: [text]) {{
  return map x in xs {{ ask m "Say {{{{ x }}}}" }} reduce collect
}}
"""
ROWS = [{"id": f"row {n}", "note": f"note {n}"} for n in range(12)]


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[LivePage]:
    """The live pages of the runs of a test."""
    found: list[LivePage] = []

    class Page(LivePage):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            found.append(self)

    monkeypatch.setattr(shown_live, "LivePage", Page)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


def facts(call: CallRecord) -> tuple[object, ...]:
    """The facts that a page tells of a call, without times, numbers of requests and marks of providers' heads."""
    prompt = () if call.request is None else tuple((one.role, one.text) for one in call.request.messages)
    attempts = [(one.end, one.reason, one.status, one.answer, one.correction) for one in call.attempts]
    answers = [(one.text, one.error, repr(one.value), one.tokens) for one in call.answers]
    return (
        call.place,
        call.path,
        call.model,
        call.state,
        prompt,
        call.labels,
        call.vote,
        call.reason,
        answers,
        attempts,
    )


def shown(page: LivePage) -> list[tuple[object, ...]]:
    return sorted(map(facts, page.state.since(0).record.calls), key=str)


async def test_the_page_shows_the_calls_of_workers_as_those_of_one_process(
    server: Served, tmp_path: Path, pages: list[LivePage]
) -> None:
    results = [await ran(server, tmp_path, FLOW, {"rows": ROWS}, workers=workers, live=True) for workers in (0, 2)]
    one, two = pages
    assert results[1].value == results[0].value
    states = {fact[3] for fact in shown(one)}
    assert states == {"answered", "failed"}, "the flow has calls whose answers fail their check"
    assert shown(two) == shown(one)
    assert len(results[1].calls) == len(shown(two)), "without a journal, the page has the calls of the result"
    assert {call["prompt"] for call in results[1].calls} > {f"Draft note {n}" for n in range(12)}
    assert two.state.since(0).record.end.votes.keys() == one.state.since(0).record.end.votes.keys()


async def test_a_page_without_room_gets_sums_and_the_account_is_right(
    server: Served, tmp_path: Path, pages: list[LivePage], monkeypatch: pytest.MonkeyPatch
) -> None:
    sums: list[Figures] = []
    figures = EventReader.figures

    def counted(self: EventReader, found: Any) -> Figures:
        sums.append(figures(self, found))
        return sums[-1]

    monkeypatch.setattr(EventReader, "figures", counted)
    whole = await ran(server, tmp_path, PLAIN, {"xs": [str(n) for n in range(80)]}, workers=2, live=True)
    assert not sums
    monkeypatch.setattr(state_parts, "MOST_CALLS", 10)
    full = await ran(server, tmp_path, PLAIN, {"xs": [str(n) for n in range(400)]}, workers=2, live=True)
    one, two = pages
    assert sums
    assert (len(shown(one)), len(shown(two))) == (80, 11)
    assert all(fact[3] == "answered" for fact in shown(two))
    for page, result, count in ((one, whole, 80), (two, full, 400)):
        changes = page.state.since(0)
        assert (changes.figures.calls, changes.figures.requests, changes.flying) == (count, count, 0)
        assert result.summary.account.answered == count
        assert changes.left_out is (count == 400)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")
async def test_a_worker_that_is_killed_leaves_no_call_of_the_page_without_an_end(
    tmp_path: Path, pages: list[LivePage]
) -> None:
    with model_server(tmp_path / "slow", seconds=0.1) as server:
        inputs = {"xs": [str(n) for n in range(200)]}
        task = asyncio.create_task(
            ran(server, tmp_path, PLAIN, inputs, workers=2, live=True, journal=tmp_path / "runs.db")
        )
        pids = await worker_pids(2)
        while server.answers() < 40:
            assert not task.done()
            await asyncio.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        result = await task
    assert (result.status, len(result.value)) == ("done", 200)
    assert any("ended unexpectedly (SIGKILL)" in line for line in result.summary.notices)
    found = pages[0].state.since(0).record.calls
    assert sorted(call.path for call in found) == sorted(f"return[{n}].line 4" for n in range(200))
    assert {call.state for call in found} <= {"answered", "reused"}
    assert sum(len(call.attempts) for call in found) > 200, "calls that were open at the dead worker were sent again"


@pytest.mark.slow
async def test_a_resumed_run_shows_the_calls_that_workers_make_then(
    server: Served, tmp_path: Path, pages: list[LivePage]
) -> None:
    journal, inputs = tmp_path / "runs.db", {"xs": [str(n) for n in range(120)]}
    first = await ran(server, tmp_path, PLAIN, inputs, workers=2, live=True, journal=journal, budget="30 calls")
    assert first.status == "budget"
    options = RunOptions(environ=environ(server, tmp_path), workers=2, live=True, budget="1000 calls")
    second = await resume_async(first.run, journal, options=options)
    assert second.status == "done"
    states = Counter(call.state for call in pages[1].state.since(0).record.calls)
    assert states["answered"] >= 90
    assert sum(states.values()) == 120
    with JournalReader(journal) as reader:
        assert len(read_run(reader, next(iter(reader.index.runs.values()))).calls) == 120
