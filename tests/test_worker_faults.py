"""Worker processes that die while they start or one after another, or that send nonsense: only they are lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.workers.event_forms import EventReader
from flowrun.runtime.workers.process import Started
from flowrun.runtime.workers.team import Team
from flowrun.runtime.workers.worker_handle import WorkerHandle
from support.fault_audit import announced, faults_in, rows_of
from support.model_server import Served, model_server
from support.worker_pids import workers_of

MODEL = "openai:x"
COUNT = 200
"""The elements: enough for a run that goes on when its workers are ready."""
FLOW = f"""
extern spoil(x: text, said: text) -> text from "MODULE:spoil"
model m = "{MODEL}" with concurrency: 8
flow many(xs: [text]) {{
  return map x in xs {{
    first = ask m "Say {{{{ x }}}}"
    more = spoil(x: x, said: first)
    ask m "More of {{{{ first }}}} {{{{ more }}}}"
  }} reduce collect
}}
"""
SPOIL = """
import os, pathlib, sys

HERE = pathlib.Path(__file__).parent

def spoil(x: str, said: str) -> str:
    # The driver runs elements, too, until the workers are ready.
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        return x
    for time in range(TIMES):
        try:
            (HERE / f"spoilt.{time}").touch(exist_ok=False)
        except FileExistsError:
            continue
        stream, questions = int(sys.argv[1]), int(sys.argv[2])
        SPOIL
        break
    return x
"""
FRAME = "os.write(stream, len(BODY).to_bytes(4, 'big') + BODY)"
NONSENSE = {
    "bytes": "os.write(stream, b'\\xff' * 1000)",
    "half a frame": "os.write(stream, b'\\x00\\x10\\x00\\x00abc'); os._exit(0)",
    "no messages": FRAME.replace("BODY", "b'[1, 2]'"),
    "another content": FRAME.replace("BODY", """b'[{"over": 3}]'"""),
    "events of another kind": FRAME.replace("BODY", """b'[{"events": [["nonsense", 1]]}]'"""),
    "leases of another server": FRAME.replace("BODY", """b'[{"leases": {"lease": "limits", "at": "nowhere"}}]'"""),
    "rows of another kind": FRAME.replace("BODY", """b'[{"rows": 9, "records": [[1, "answer", "zz", 3]]}]'"""),
    "a closed stream": "os.close(stream)",
    "an exit": "os._exit(0)",
}

_modules = itertools.count()
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.1) as served:
        yield served


async def ran(server: Served, folder: Path, count: int, spoil: str = "pass", times: int = 1) -> Result:
    # Python keeps one module of a name.
    module = f"spoil_{next(_modules)}"
    folder.joinpath(f"{module}.py").write_text(SPOIL.replace("TIMES", str(times)).replace("SPOIL", spoil))
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_BASE_URL": server.url}
    options = RunOptions(environ=environ, workers=2, journal=folder / "runs.db", allow_python=True)
    inputs = {"xs": [f"note {n}" for n in range(count)]}
    return await run_async(
        load(Source(FLOW.replace("MODULE", module), str(folder / "x.flow"))), inputs, options=options
    )


def told(result: Result) -> list[str]:
    return [line for line in result.summary.notices if "ended unexpectedly" in line]


def check(result: Result, server: Served, folder: Path, count: int) -> None:
    """Check that all elements are there, and that nothing was paid twice in silence."""
    assert result.status == "done"
    assert len(result.value) == count
    assert faults_in(rows_of(folder / "runs.db"), server.lines(), announced("\n".join(told(result)))) == []


@pytest.mark.slow
@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_costs_only_the_worker_that_sends_it(
    what: str, server: Served, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = await ran(server, tmp_path, COUNT, NONSENSE[what])
    check(result, server, tmp_path, COUNT)
    assert len(told(result)) == 1
    assert ("does not understand" in told(result)[0]) == (what not in ("half a frame", "a closed stream", "an exit"))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
async def test_a_question_of_another_form_leaves_no_worker_waiting(server: Served, tmp_path: Path) -> None:
    result = await ran(server, tmp_path, COUNT, "os.write(questions, b'\\xff' * 100)")
    check(result, server, tmp_path, COUNT)


@pytest.mark.slow
async def test_a_later_worker_takes_the_answers_that_two_dead_ones_have_bought(server: Served, tmp_path: Path) -> None:
    result = await ran(server, tmp_path, COUNT, "os.kill(os.getpid(), 9)", times=2)
    check(result, server, tmp_path, COUNT)
    assert len(told(result)) == 2


@pytest.mark.slow
async def test_a_worker_that_is_killed_while_it_starts_is_replaced(server: Served, tmp_path: Path) -> None:
    task = asyncio.create_task(ran(server, tmp_path, COUNT))
    killed: set[int] = set()
    # Two of the first workers, then those that come in their places, before they are ready.
    while len(killed) < 3 and not task.done():
        fresh = [pid for pid in workers_of(os.getpid()) if pid not in killed]
        if fresh and (not killed or server.answers()):
            os.kill(fresh[-1], signal.SIGKILL)
            killed.add(fresh[-1])
        await asyncio.sleep(0.01)
    result = await task
    check(result, server, tmp_path, COUNT)
    assert len(told(result)) == 3


async def test_a_worker_that_never_gets_ready_is_told_soon() -> None:
    def none() -> Started:
        raise UsageError("no worker starts here")

    team = Team(0, none)
    team.count, team._starts_left = 2, 16
    worker = WorkerHandle(1, cast("Started", None), EventReader(1))
    begun = asyncio.get_running_loop().create_future()
    team._waiting = begun
    starts = 0
    while team._may_replace(worker):
        team._starts_left -= 1
        starts += 1
    assert starts == 2
    assert team.refuse(UsageError("a worker process ended before it was ready"))
    with pytest.raises(UsageError):
        await begun
    assert team._may_replace(worker)
