"""Many runs of one process keep one journal: each is durable and apart."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import chat, command
from support.written import read_journal

FLOW = 'flow f(x: text) { a = ask "{{ x }}" b = ask "{{ a }}!" return b }\n'


def begun(name: str) -> LogRecord:
    return LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": 1.0})


def call(run: int, number: int, kind: Kind, **body: Any) -> LogRecord:
    return LogRecord(run, kind, body, number.to_bytes(16, "big"), f"a[{number}]")


@pytest.fixture
def echo(faults: Any) -> Any:
    async def reply(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.json_response(chat(f"<{(await request.json())['messages'][0]['content']}>"))

    faults.replies.append(reply)
    return faults


async def test_twenty_runs_at_once(echo: Any, flow: Any, tmp_path: Path) -> None:
    path, journal, environ = flow(FLOW), tmp_path / "j.db", {"OPENAI_BASE_URL": echo.url}

    async def run(number: int) -> Any:
        return await run_async(
            path, {"x": str(number)}, options=RunOptions(model="openai:m", environ=environ, journal=journal)
        )

    results = await asyncio.gather(*map(run, range(20)))
    assert [result.value for result in results] == [f"<<{number}>!>" for number in range(20)]
    assert len({result.run for result in results}) == 20
    index = read_journal(journal)
    assert [(run.status, run.answers) for run in index.runs.values()] == [("done", 2)] * 20
    for result in results:
        again = await resume_async(result.run, journal, options=RunOptions(environ=environ))
        assert again.value == result.value
    assert len(echo.seen) == 40


async def test_runs_of_several_threads(echo: Any, flow: Any, tmp_path: Path) -> None:
    """Each thread has an event loop of its own."""
    path, journal, environ = flow(FLOW), tmp_path / "j.db", {"OPENAI_BASE_URL": echo.url}
    values: list[Any] = []

    def run(number: int) -> None:
        made = asyncio.run(
            run_async(path, {"x": str(number)}, options=RunOptions(model="openai:m", environ=environ, journal=journal))
        )
        values.append(made.value)

    await asyncio.gather(*(asyncio.to_thread(run, number) for number in range(6)))
    assert sorted(values) == [f"<<{number}>!>" for number in range(6)]
    assert all(run.status == "done" for run in read_journal(journal).runs.values())


async def test_a_run_sees_what_was_paid_before_it_began(echo: Any, flow: Any, tmp_path: Path) -> None:
    """Though the journal was open all the time, for another run."""
    path, journal, environ = flow(FLOW), tmp_path / "j.db", {"OPENAI_BASE_URL": echo.url}
    held = Journal.open(journal)
    first = await run_async(path, {"x": "a"}, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    again = await run_async(path, {"x": "a"}, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    assert again.value == first.value
    assert (again.summary.calls, again.summary.recalled) == (0, 2)
    assert (await resume_async(first.run, journal, options=RunOptions(environ=environ))).value == first.value
    assert len(echo.seen) == 2
    held.close()


async def test_what_another_run_has_under_way_is_in_nobodys_doubt(faults: Any, flow: Any, tmp_path: Path) -> None:
    """A run that begins meanwhile neither tells of it nor takes its Idempotency-Key, and its rows stay its own."""
    faults.hang()
    faults.json(chat("fine"))
    path, journal = flow('flow f() { a = ask "hi" return a }\n'), tmp_path / "j.db"
    environ = {"OPENAI_BASE_URL": faults.url}
    slow = asyncio.ensure_future(
        run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    )
    await faults.arrived.wait()
    told: list[e.Event] = []
    quick = await run_async(
        path, options=RunOptions(model="openai:m", environ=environ, journal=journal, on_event=[told.append])
    )
    assert quick.value == "fine"
    assert [event for event in told if isinstance(event, e.Notice)] == []
    keys = [headers["Idempotency-Key"] for headers in faults.headers]
    assert len(set(keys)) == 2
    assert len(read_journal(journal).in_doubt(1)) == 1
    name = read_journal(journal).runs[1].id
    with pytest.raises(UsageError, match=f"the run {name} is still active in this process"):
        await resume_async(name, journal, options=RunOptions(environ=environ))
    listed = await command("runs", "--journal", str(journal), "--json", folder=tmp_path)
    rows = json.loads(listed.out)["runs"]
    assert [(row["status"], row.get("process")) for row in rows] == [("running", os.getpid()), ("done", None)]
    faults.closing.set()
    await slow


async def test_a_run_that_ended_meanwhile_is_not_gone_on_with_by_what_was_read_before(tmp_path: Path) -> None:
    """It was read while its last answers were still to come."""
    path = tmp_path / "j.db"
    first = Journal.open(path)
    run = await first.append([begun("r1")])
    first.begin(run)
    second = Journal.open(path)
    first.close()
    with pytest.raises(UsageError, match="r1 is still active in this process"):
        second.begin(run)
    second.close()
    third = Journal.open(path)
    third.begin(run)
    third.close()


async def test_what_is_written_at_once_stays_apart(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journals = [Journal.open(path) for _ in range(8)]
    runs = await asyncio.gather(*(one.append([begun(f"r{place}")]) for place, one in enumerate(journals)))
    for one, run in zip(journals, runs, strict=True):
        one.begin(run)
    for number in range(20):
        await asyncio.gather(
            *(
                one.append([call(run, number, Kind.INTENT), call(run, number, Kind.ANSWER, text="x", finish="stop")])
                for one, run in zip(journals, runs, strict=True)
            )
        )
    for one in journals:
        # Written behind all that was awaited, by a run that does not wait for it.
        one.note([call(one.run, 99, Kind.INTENT)])
        one.close()
        assert len(read_journal(path).in_doubt(one.run)) == 1
    index = read_journal(path)
    assert {run.answers for run in index.runs.values()} == {20}


async def test_trouble_with_the_disk_is_every_runs_trouble(tmp_path: Path) -> None:
    class Broken(sqlite3.Connection):
        broken = False

        def commit(self) -> None:
            if Broken.broken:
                raise sqlite3.OperationalError("it is in trouble")
            super().commit()

    path = tmp_path / "j.db"
    told = asyncio.Queue[str]()
    first = Journal.open(path, lambda *given, **named: sqlite3.connect(*given, **named, factory=Broken))
    second = Journal.open(path)
    first.on_trouble = lambda trouble: told.put_nowait(f"first: {trouble}")
    second.on_trouble = lambda trouble: told.put_nowait(f"second: {trouble}")
    await first.append([begun("r1")])
    await second.append([begun("r2")])
    Broken.broken = True
    with pytest.raises(DiskError):
        await first.append([begun("r3")])
    for name, line in zip(("first", "second"), sorted([await told.get(), await told.get()]), strict=True):
        assert line.startswith(f"{name}: ") and "it is in trouble" in line
    with pytest.raises(DiskError):
        await second.append([begun("r4")])
    with pytest.raises(DiskError, match="cannot be written any more"):
        Journal.open(path)
    assert told.empty()
    first.close()
    second.close()
    Broken.broken = False
    Journal.open(path).close()


async def test_a_journal_that_is_replaced_under_its_runs_is_not_written_on_with(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    first = Journal.open(path)
    await first.append([begun("r1")])
    path.unlink()
    with pytest.raises(DiskError, match="removed or replaced while other runs of this process use it:"):
        Journal.open(path)
    first.close()


def test_one_journal_by_two_names_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = Journal.open(tmp_path / "j.db")
    second = Journal.open(Path("j.db"))
    first.close()
    second.close()


def _take(path: str, told: Any) -> None:
    try:
        Journal.open(Path(path)).close()
        told.put("taken")
    except UsageError as error:
        told.put(str(error))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_process_that_forks_keeps_its_journal_to_itself(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    path = tmp_path / "j.db"
    held = Journal.open(path)
    for _ in range(2):
        # First the child reaches its parent as any other process does; then it is alone.
        child = context.Process(target=_take, args=(str(path), told))
        child.start()
        assert told.get() == "taken"
        child.join()
        held.close()


async def test_the_journal_is_synced_before_an_answer_counts(tmp_path: Path) -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous: in WAL mode, only FULL syncs each transaction."""
    made: list[sqlite3.Connection] = []

    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        made.append(sqlite3.connect(*given, **named))
        return made[-1]

    journal = Journal.open(tmp_path / "j.db", connect)
    writer = made[-1]
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()
