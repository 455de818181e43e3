"""Worker processes that die, runs that are stopped, and drivers that are killed: nothing is lost or paid in silence."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun import Result, RunOptions, Stop, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.api import resume_async
from flowrun.runtime.workers import beginning
from support.few_cases import few
from support.model_server import Served, model_server
from support.patience import still, until
from support.processes import Command
from support.worker_pids import gone, worker_pids, workers_of
from support.worker_runs import MODEL, environ

FLOW = 'flow many(xs: [text]) {\n  return map x in xs { ask "Say {{ x }}" } reduce collect\n}\n'

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.1) as served:
        yield served


async def ran(server: Served, folder: Path, count: int, stop: Stop | None = None, text: str = FLOW) -> Result:
    options = RunOptions(model=MODEL, environ=environ(server, folder), workers=2, journal=folder / "runs.db", stop=stop)
    inputs = {"xs": [f"note {n}" for n in range(count)]}
    return await run_async(load(Source(text, str(folder / "x.flow"))), inputs, options=options)


async def served(server: Served, count: int) -> None:
    await until(lambda: server.answers() >= count)


async def test_a_killed_worker_is_replaced_and_its_elements_run_elsewhere(server: Served, tmp_path: Path) -> None:
    text = f'model m = "{MODEL}" with concurrency: 20\n' + FLOW.replace("ask", "ask m")
    task = asyncio.create_task(ran(server, tmp_path, 300, text=text))
    pids = await worker_pids(2)
    await served(server, 60)
    os.kill(pids[0], signal.SIGKILL)
    result = await task
    assert result.status == "done"
    assert len(result.value) == 300
    told = [line for line in result.summary.notices if "ended unexpectedly (SIGKILL)" in line]
    assert len(told) == 1
    assert "may have been paid" in told[0]
    billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
    twice = sum(count - 1 for count in billed.values())
    doubts = int(told[0].split("; ")[1].split()[0])
    # Each call that was paid twice was announced, and no answer of the dead worker was bought again.
    assert 0 < twice <= doubts <= 20
    assert result.summary.in_doubt == doubts
    assert workers_of(os.getpid()) == []


async def test_a_body_that_kills_its_workers_fails_alone(server: Served, tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n\ndef check(x: str) -> str:\n    if x == 'note 3':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n    return x\n"
    )
    text = (
        'extern check(x: text) -> text from "deadly:check"\n'
        "flow many(xs: [text]) {\n  return map x in xs { y = check(x: x)\n"
        '    ask "Say {{ y }}" } reduce collect with errors: skip\n}\n'
    )
    options = RunOptions(
        model=MODEL, environ=environ(server, tmp_path), workers=2, journal=tmp_path / "runs.db", allow_python=True
    )
    inputs = {"xs": [f"note {n}" for n in range(20)]}
    result = await run_async(load(Source(text, str(tmp_path / "x.flow"))), inputs, options=options)
    assert result.status == "partial"
    assert len(result.losses) == 1
    assert "3 worker processes ended unexpectedly" in result.losses[0].reason
    assert len(result.value) == 19


async def test_a_stopped_run_sends_nothing_more_keeps_what_is_paid_and_goes_on(server: Served, tmp_path: Path) -> None:
    stop = Stop()
    server.hold(100)
    task = asyncio.create_task(ran(server, tmp_path, 800, stop))
    await served(server, 100)
    sent = await still(server.asked)
    stop()
    await asyncio.sleep(0.1)
    server.go_on()
    result = await task
    assert result.status == "stopped"
    # A worker may hear of the stop in the same moment as of its answers.
    assert server.asked() - sent <= sent - 100
    answers = server.answers()
    assert result.summary.account.answered == answers
    options = RunOptions(environ=environ(server, tmp_path), workers=3)
    second = await resume_async(result.run, tmp_path / "runs.db", options=options)
    assert second.status == "done"
    assert server.answers() == 800


@pytest.mark.parametrize("how", few([signal.SIGKILL, signal.SIGINT], signal.SIGINT))
async def test_no_worker_outlives_its_driver(server: Served, tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "x.flow").write_text(FLOW)
    (tmp_path / "xs.txt").write_text("\n".join(f"note {n}" for n in range(900)))
    words = [str(tmp_path / "x.flow"), "--xs", str(tmp_path / "xs.txt"), "--model", MODEL, "--workers", "2"]
    command = Command([*words, "--journal", str(tmp_path / "runs.db")], tmp_path / "run", environ(server, tmp_path))
    assert command.process.pid is not None
    pids = await worker_pids(2, command.process.pid)
    await served(server, 50)
    command.send(how)
    assert await asyncio.to_thread(command.wait) == (-9 if how is signal.SIGKILL else 130)
    await gone(pids)
    if how is signal.SIGINT:
        assert "flowrun resume" in command.err
    assert await still(server.asked) < 900
    again = Command(
        ["resume", "last", "--workers", "3", "--journal", str(tmp_path / "runs.db")],
        tmp_path / "again",
        environ(server, tmp_path),
    )
    assert await asyncio.to_thread(again.end) == 0
    billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
    assert len(billed) == 900
    if how is signal.SIGINT:
        assert set(billed.values()) == {1}
