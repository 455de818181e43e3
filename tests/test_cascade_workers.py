"""Maps of cascades whose bodies run in worker processes: the same answers and account as without, also after kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.workers import beginning
from support.model_server import Served, model_server
from support.patience import until
from support.worker_pids import worker_pids
from support.worker_runs import environ

FLOW = """
model m = "openai:x" with concurrency: 20, input_price: 1, output_price: 2
flow label(items: [text]) {
  kinds = map item in items {
    kind = cascade {
      quick = repeat 2 over way in ["At once", "In steps"] { ask m "{{ way }}: {{ item }}" -> A | B }
        reduce majority(ties: first)
      else ask m "Not {{ last | default('X') }}? {{ item }}" -> A | B | C when agreement < 1
      else chain { why = ask m "Why {{ item }}?" ask m "As {{ why }}" -> A | B | C } when last == C
    }
    kind
  } reduce collect
  return kinds
}
"""
ITEMS = [f"thing {number}" for number in range(80)]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.05) as served:
        yield served


async def ran(server: Served, folder: Path, workers: int, journal: str) -> Result:
    options = RunOptions(environ=environ(server, folder), workers=workers, journal=folder / journal)
    return await run_async(load(Source(FLOW, str(folder / "x.flow"))), {"items": ITEMS}, options=options)


async def answered(server: Served, count: int) -> None:
    await until(lambda: server.answers() >= count)


def cascades(result: Result) -> Any:
    told = report(result)["cascades"]
    for one in told.values():
        one["cost_saved"] = round(one["cost_saved"], 9)
        for stage in one["stages"]:
            stage["cost"] = round(stage["cost"], 9)
    return told


async def test_cascades_in_workers_that_are_killed(server: Served, tmp_path: Path) -> None:
    alone = await ran(server, tmp_path, 0, "alone.db")
    answers = server.answers()
    task = asyncio.create_task(ran(server, tmp_path, 2, "workers.db"))
    dice = random.Random(3)
    for _ in range(2):
        pids = await worker_pids(2)
        await answered(server, answers + dice.randint(15, 40))
        os.kill(dice.choice(pids), signal.SIGKILL)
    result = await task
    assert sum("SIGKILL" in line for line in result.summary.notices) >= 1
    assert result.value == alone.value
    assert cascades(result) == cascades(alone)
    (one,) = cascades(result).values()
    assert all(0 < stage["values"] < stage["runs"] for stage in one["stages"][:2])
    billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
    twice = sum(count - 2 for count in billed.values())
    assert 0 <= twice <= result.summary.in_doubt
    whole = len(server.lines())
    again = await ran(server, tmp_path, 2, "workers.db")
    assert (again.value, cascades(again)) == (alone.value, cascades(alone))
    assert len(server.lines()) == whole
