"""The beginning of a run with workers: the driver runs elements itself until a worker is ready."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from flowrun import Result, RunOptions, Stop, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.session import workers as session_workers
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.workers import process
from flowrun.runtime.workers.beginning import WaitingBodies
from flowrun.runtime.workers.event_forms import STRIDE
from flowrun.runtime.workers.team import Team
from support.model_server import Served, model_server
from support.patience import PATIENCE, until

FLOW = 'flow many(xs: [text]) {\n  return map x in xs { ask "Say {{ x }}" } reduce collect\n}\n'
MODEL = "openai:test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.02) as served:
        yield served


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the workers that runs of a test start."""
    found: list[int] = []
    original = Team.start

    def start(self: Team) -> None:
        found.append(self.count)
        original(self)

    monkeypatch.setattr(Team, "start", start)
    return found


async def ran(server: Served, folder: Path, count: int, text: str = FLOW, **options: Any) -> Result:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk"}
    given = RunOptions(model=MODEL, environ=environ, workers=2, journal=folder / "runs.db", **options)
    inputs = {"xs": [f"note {n}" for n in range(count)]}
    return await run_async(load(Source(text, str(folder / "x.flow"))), inputs, options=given)


async def answered(server: Served, count: int) -> None:
    await until(lambda: server.answers() >= count)


async def test_a_short_run_starts_no_worker(server: Served, tmp_path: Path, starts: list[int]) -> None:
    result = await ran(server, tmp_path, 20)
    assert (result.status, len(result.value), server.answers()) == ("done", 20, 20)
    assert starts == []


async def test_a_long_run_begins_in_the_driver_and_goes_on_in_its_workers(
    server: Served, tmp_path: Path, starts: list[int]
) -> None:
    stop = Stop()
    places: list[int] = []

    def listen(event: e.Event) -> None:
        if isinstance(event, e.RequestStarted):
            places.append(event.number // STRIDE)
            # When the bodies that the driver has begun are over, it begins no more.
            if len(places) > 200 and not places[-200:].count(0):
                stop()

    result = await ran(server, tmp_path, 20_000, stop=stop, on_event=listen)
    assert (result.status, starts) == ("stopped", [2])
    assert next(at for at, place in enumerate(places) if place) > 100
    billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
    assert set(billed.values()) == {1}
    assert result.summary.account.answered == server.answers()


async def heard(server: Served, folder: Path, said: str) -> Result:
    """Run many elements until a line for the user has these words, and a few answers have come after it."""
    stop = Stop()
    left = -1

    def listen(event: e.Event) -> None:
        nonlocal left
        if isinstance(event, e.Notice) and said in event.text and left < 0:
            left = 20
        elif isinstance(event, e.RequestFinished) and left > 0:
            left -= 1
            if not left:
                stop()

    return await ran(server, folder, 20_000, stop=stop, on_event=listen)


async def test_a_run_goes_on_without_the_workers_that_cannot_begin(
    server: Served, tmp_path: Path, starts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_PROGRAM", "raise SystemExit(5)")
    ended = await heard(server, tmp_path, "ended before it was ready (exit code 5); the run goes on without it")
    assert (ended.status, starts) == ("stopped", [2])
    monkeypatch.undo()
    monkeypatch.setattr(session_workers, "version_here", lambda: "0.0.1")
    other = await heard(server, tmp_path, "cannot begin: it has flowrun")
    assert other.status == "stopped"


async def test_a_run_goes_on_where_no_process_can_be_started(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    result = await ran(server, tmp_path, 600)
    assert (result.status, len(result.value)) == ("done", 600)
    assert any("a worker process cannot be started" in line for line in result.summary.notices)


async def test_a_stop_while_workers_start_is_heard_at_once(
    server: Served, tmp_path: Path, starts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = process._PROGRAM
    monkeypatch.setattr(process, "_PROGRAM", f"import time; time.sleep(3000); {program}")
    stop = Stop()
    task = asyncio.create_task(ran(server, tmp_path, 5000, stop=stop))
    await answered(server, 50)
    stop()
    result = await asyncio.wait_for(task, PATIENCE)
    assert (result.status, starts) == ("stopped", [2])
    assert result.summary.account.answered == server.answers()


async def test_a_repeated_run_starts_no_worker_for_the_answers_of_its_journal(
    server: Served, tmp_path: Path, starts: list[int]
) -> None:
    first = await ran(server, tmp_path, 2000)
    again = await ran(server, tmp_path, 2000)
    assert (again.status, again.value, again.summary.recalled) == ("done", first.value, 2000)
    assert (server.answers(), starts) == (2000, [2])


@pytest.mark.parametrize("budget", [None, "2000 calls"])
async def test_a_run_with_a_budget_waits_for_its_workers(
    server: Served, tmp_path: Path, starts: list[int], budget: str | None
) -> None:
    result = await ran(server, tmp_path, 5, budget=budget)
    assert (result.status, starts) == ("done", [2] if budget else [])


class _Runner:
    """A driver with room for so many calls. Each body makes several."""

    def __init__(self, room: int, each: int) -> None:
        self.free = room
        self.each = each
        self.bodies: list[int] = []

    def run_here(self, numbers: Sequence[int]) -> None:
        self.free -= self.each * len(numbers)
        self.bodies += numbers


@pytest.mark.parametrize(("each", "here"), [(1, 100), (5, 24), (1000, 8)])
def test_bodies_of_many_calls_wait_for_workers(each: int, here: int) -> None:
    waiting, started = list(range(500)), []

    def take(most: int) -> list[int]:
        taken = waiting[:most]
        del waiting[:most]
        return taken

    runner = _Runner(100, each)
    beginning = WaitingBodies(take, lambda: started.append(1))
    beginning.deal(runner, lambda: bool(waiting))
    beginning.deal(runner, lambda: bool(waiting))
    assert (runner.bodies, started) == (list(range(here)), [1])
