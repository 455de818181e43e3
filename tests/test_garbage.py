"""The thresholds of Python's collector: high while a run goes on, and the host program's own behind it."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowrun import FlowError, Result, RunError, RunOptions, resume, resume_async, run, run_async
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.garbage import COLLECTOR, GARBAGE, Thresholds
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.patience import PATIENCE

OWN = (701, 5, 12)
RAISED = (GARBAGE[0], GARBAGE[1], OWN[2])


@pytest.fixture(autouse=True)
def own_thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*OWN)
    yield
    gc.set_threshold(*before)
    gc.enable()


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text('flow f(x: text = "a") { y = ask "{{ x }}" return y }\n')
    return path


class Watched:
    """Options whose provider notes the thresholds that it sees. ``do`` is called in the middle of each call."""

    def __init__(self, do: Callable[[], object] = lambda: None, seconds: float = 0.0) -> None:
        self.seen: list[Thresholds] = []
        self.do = do
        self.seconds = seconds

    def _answer(self, request: Request, number: int) -> Scripted:
        self.do()
        self.seen.append(gc.get_threshold())
        return Scripted("fine", self.seconds)

    def options(self, journal: Path | None = None) -> RunOptions:
        return RunOptions(journal=journal, opener=lambda model, _: ScriptedProvider(self._answer, model=model))


def test_a_run_raises_the_thresholds_and_restores_them(flow: Path, tmp_path: Path) -> None:
    watched, journal = Watched(), tmp_path / "j.db"
    for result in (
        run(flow, options=watched.options()),
        run(flow, options=watched.options(journal)),
        asyncio.run(run_async(flow, x="b", options=watched.options(journal))),
    ):
        assert result.value == "fine"
        assert gc.get_threshold() == OWN
    assert watched.seen == [RAISED] * 3


@pytest.mark.parametrize("waits", [True, False], ids=["resume", "resume_async"])
def test_a_resumed_run_does_the_same(flow: Path, tmp_path: Path, waits: bool) -> None:
    journal, watched = tmp_path / "j.db", Watched()
    no = Scripted(PermanentError("no"))
    failing = RunOptions(journal=journal, opener=lambda model, _: ScriptedProvider(lambda *_: no, model=model))
    with pytest.raises(RunError):
        run(flow, options=failing)
    assert gc.get_threshold() == OWN
    options = watched.options()
    resumed = resume("last", journal, options=options) if waits else asyncio.run(_resumed(journal, options))
    assert (resumed.value, watched.seen, gc.get_threshold()) == ("fine", [RAISED], OWN)


async def _resumed(journal: Path, options: RunOptions) -> Result:
    return await resume_async("last", journal, options=options)


def test_errors_restore_them(flow: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.flow"
    wrong.write_text("flow f() { return nothing }\n")
    with pytest.raises(FlowError):
        run(wrong)
    assert gc.get_threshold() == OWN

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(flow, options=Watched(interrupt).options())
    assert gc.get_threshold() == OWN


async def test_a_cancelled_run_restores_them(flow: Path) -> None:
    asked = asyncio.Event()
    watched = Watched(asked.set, seconds=60)
    running = asyncio.ensure_future(run_async(flow, options=watched.options()))
    await asked.wait()
    assert gc.get_threshold() == RAISED
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gc.get_threshold() == OWN


async def test_the_last_of_several_runs_restores_them(flow: Path) -> None:
    short, long = Watched(), Watched(seconds=0.2)
    behind = asyncio.ensure_future(run_async(flow, options=long.options()))
    for _ in range(2):
        await run_async(flow, options=short.options())
        assert gc.get_threshold() == RAISED
    await behind
    assert gc.get_threshold() == OWN
    assert short.seen == [RAISED] * 2


def test_runs_in_threads_and_within_runs_count_together(flow: Path) -> None:
    meeting = threading.Barrier(3)

    def inner() -> None:
        meeting.wait(PATIENCE)
        inside = Watched()
        thread = threading.Thread(target=lambda: run(flow, options=inside.options()))
        thread.start()
        thread.join()
        assert inside.seen == [RAISED]
        assert gc.get_threshold() == RAISED
        meeting.wait(PATIENCE)

    outer = [Watched(inner) for _ in range(3)]
    threads = [threading.Thread(target=lambda one=one: run(flow, options=one.options())) for one in outer]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.seen for one in outer] == [[RAISED]] * 3
    assert gc.get_threshold() == OWN


def test_a_host_that_changes_them_during_a_run_keeps_its_choice(flow: Path) -> None:
    theirs = (5_000, 5, 5)
    watched = Watched(lambda: gc.set_threshold(*theirs))
    run(flow, options=watched.options())
    assert gc.get_threshold() == theirs
    # The next run begins from there.
    watched = Watched()
    run(flow, options=watched.options())
    assert (watched.seen, gc.get_threshold()) == ([(GARBAGE[0], GARBAGE[1], GARBAGE[2])], theirs)


def test_a_run_that_begins_beside_others_respects_a_change_of_the_host() -> None:
    theirs = (5_000, 5, 5)
    with COLLECTOR.rarely():
        gc.set_threshold(*theirs)
        with COLLECTOR.rarely():
            assert gc.get_threshold() == theirs
    assert gc.get_threshold() == theirs


@pytest.mark.parametrize("theirs", [(GARBAGE[0], 1, 1), (GARBAGE[0] + 1, 10, 10), (1_000_000, 50, 100), (0, 10, 10)])
def test_a_host_with_high_thresholds_or_none_is_left_alone(flow: Path, theirs: Thresholds) -> None:
    gc.set_threshold(*theirs)
    watched = Watched()
    run(flow, options=watched.options())
    assert (watched.seen, gc.get_threshold()) == ([theirs], theirs)


def test_a_host_whose_collector_is_off_is_left_alone(flow: Path) -> None:
    gc.disable()
    watched = Watched(lambda: gc.isenabled() and pytest.fail("a run turned the collector on"))
    run(flow, options=watched.options())
    assert (watched.seen, gc.get_threshold(), gc.isenabled()) == ([OWN], OWN, False)


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_process_has_the_thresholds_of_the_host() -> None:
    with COLLECTOR.rarely():
        assert gc.get_threshold() == RAISED
        child = os.fork()
        if child == 0:
            own = gc.get_threshold() == OWN
            with COLLECTOR.rarely():
                raised = gc.get_threshold() == RAISED
            os._exit(0 if own and raised and gc.get_threshold() == OWN else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert gc.get_threshold() == OWN
