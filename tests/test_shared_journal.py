"""Processes of one user share a journal: one writes for all, and another one takes its place when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from flowrun.runtime.journal import dialling, sockets
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.remote import RemoteWriter
from flowrun.runtime.journal.rewrite import rewrite
from flowrun.runtime.journal.run_locks import live_runs
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.writer import Writer
from flowrun.runtime.vocabulary.errors import UsageError
from support.journal_processes import begun, call, processes
from support.patience import PATIENCE
from support.written import read_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.db"


def test_what_several_processes_write_is_one_chain(path: Path) -> None:
    with processes(path, 4) as many:
        for one in many:
            one.tell("open")
        assert [one.heard() for one in many] == ["done"] * 4
        runs = [one.do("begin", f"r{place}") for place, one in enumerate(many)]
        assert len(set(runs)) == 4
        for one in many:
            one.tell("calls", 0, 50)
        assert [one.heard() for one in many] == ["done"] * 4
        kinds = [one.do("kind") for one in many]
        assert sorted(kinds) == [["RemoteWriter", False]] * 3 + [["Writer", True]]
        assert live_runs(path, runs) == {run: one.pid for run, one in zip(runs, many, strict=True)}
        for one in many:
            assert one.do("close") == "done"
    index = read_journal(path)
    assert {run.answers for run in index.runs.values()} == {50}
    assert not index.doubts()
    assert live_runs(path, runs) == {}
    assert not path.with_name("j.db.socket").exists()


@pytest.mark.parametrize("gently", [True, False], ids=["ends", "killed"])
def test_another_process_takes_the_place_of_the_one_that_writes(gently: bool, path: Path) -> None:
    """Again and again, while all the others write."""
    with processes(path, 5) as many:
        for one in many:
            assert one.do("open") == "done"
            one.do("begin", str(one.pid))
        left, at = list(many), 0
        while len(left) > 1:
            writing = next(one for one in left if one.do("kind")[1])
            left.remove(writing)
            for one in left:
                one.tell("calls", at, at + 60)
            time.sleep(0.02)
            if gently:
                assert writing.do("close") == "done"
            else:
                writing.kill()
            assert [one.heard() for one in left] == ["done"] * len(left)
            at += 60
        assert left[0].do("close") == "done"
    index = read_journal(path)
    answers = {run.id: run.answers for run in index.runs.values()}
    assert answers[str(left[0].pid)] == at
    assert sorted(answers.values()) == [0, 60, 120, 180, 240]
    assert not index.doubts()
    with JournalReader(path) as reader:
        assert reader.notes == []


def test_the_next_process_writes_within_a_second(path: Path) -> None:
    with processes(path, 2) as (first, second):
        for one in (first, second):
            one.do("open")
            one.do("begin", str(one.pid))
        first.kill()
        began = time.monotonic()
        assert second.do("calls", 0, 1) == "done"
        assert time.monotonic() - began < 20  # a second is promised; the machine may be busy
        assert second.do("kind") == ["RemoteWriter", True]


def test_a_run_that_is_live_in_another_process_is_in_no_doubt_and_is_not_resumed(path: Path) -> None:
    with processes(path, 3) as (first, second, third):
        first.do("open")
        second.do("open")
        run = second.do("begin", "r1")
        second.do("intent", 1)
        third.do("open")
        assert third.do("doubts") == []
        refused = f"UsageError: the run r1 is still active in process {second.pid}: wait for its end, then resume it"
        assert third.do("resume", run) == refused
        # It stays live when another process writes for it.
        first.kill()
        assert second.do("intent", 2) == "done"
        assert third.do("resume", run) == refused
        second.kill()
        assert third.do("close") == "done"
        third.do("open")
        assert third.do("doubts") == [run]
        assert third.do("resume", run) == "done"


def test_a_run_that_went_on_since_it_was_read_is_read_again_first(path: Path) -> None:
    """Its answers of the meantime would be paid twice."""
    with processes(path, 2) as (first, second):
        first.do("open")
        run = first.do("begin", "r1")
        first.do("calls", 0, 1)
        first.do("close")
        first.do("open")
        second.do("open")
        second.do("resume", run)
        assert second.do("go_on", run) == "done"
        second.do("close")
        refused = "UsageError: the run r1 has gone on since it was read: resume it again"
        assert first.do("resume", run) == refused
        assert live_runs(path, [run]) == {}
        first.do("close")
        first.do("open")
        assert first.do("resume", run) == "done"


def test_a_journal_is_not_rewritten_while_others_use_it(path: Path) -> None:
    with processes(path, 2) as (first, second):
        first.do("open")
        second.do("open")
        run = second.do("begin", "r1")
        with pytest.raises(UsageError, match=f"process {first.pid} is running a flow with this journal"):
            rewrite(path, {run})
        first.kill()
        second.do("intent", 1)
        with pytest.raises(UsageError, match=f"process {second.pid} is running a flow with this journal"):
            rewrite(path, {run})
        second.do("close")
    assert rewrite(path, {run}).rows == 0


def test_a_process_that_is_stopped_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PATIENCE", 0.2)
    monkeypatch.setattr(dialling, "PATIENCE", 0.2)
    with processes(path, 1) as (first,):
        first.do("open")
        first.stop()
        with pytest.raises(UsageError, match=r"the process that writes the journal `.*j\.db` does not answer: wait"):
            Journal.open(path)
        first.go_on()
        Journal.open(path).close()


async def test_a_run_waits_for_a_process_that_is_stopped(path: Path) -> None:
    with processes(path, 1) as (first,):
        first.do("open")
        journal = Journal.open(path)
        first.stop()
        begins = journal.append([begun("r1")])
        await asyncio.sleep(0.1)
        assert not begins.done()
        first.go_on()
        assert await asyncio.wait_for(begins, PATIENCE) == 1
        journal.close()


async def test_trouble_with_the_disk_reaches_all_processes(path: Path) -> None:
    class Broken(sqlite3.Connection):
        broken = False

        def commit(self) -> None:
            if Broken.broken:
                raise sqlite3.OperationalError("it is in trouble")
            super().commit()

    held = Journal.open(path, lambda *given, **named: sqlite3.connect(*given, **named, factory=Broken))
    with processes(path, 2) as (first, second):
        for one in (first, second):
            one.do("open")
            one.do("begin", str(one.pid))
        Broken.broken = True
        for one in (first, second):
            said = one.do("intent", 1)
            assert said.startswith("DiskError: the journal `") and "it is in trouble" in said
    held.close()


@pytest.mark.parametrize("why", ["no sockets", "a file in its place", "a link in its place", "another user"])
def test_where_no_socket_can_be_made_a_second_process_is_refused(
    why: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "no sockets":
        monkeypatch.delattr(socket, "AF_UNIX")
    elif why == "a file in its place":
        path.with_name("j.db.socket").write_text("mine")
    elif why == "a link in its place":
        path.with_name("j.db.socket").symlink_to(path.with_name("elsewhere"))
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        monkeypatch.setattr("flowrun.runtime.journal.files._check_owner", lambda path, found: None)
    held = Journal.open(path)
    with processes(path, 1) as (other,):
        began = time.monotonic()
        assert other.do("open").startswith(f"UsageError: process {os.getpid()} is running a flow with this journal")
        assert time.monotonic() - began < 30
    held.close()
    assert path.with_name("j.db.socket").is_symlink() == (why == "a link in its place")
    if why == "a file in its place":
        assert path.with_name("j.db.socket").read_text() == "mine"


def test_a_journal_with_a_long_path_is_shared(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40) / "er"
    folder.mkdir(parents=True)
    with processes(folder / "j.db", 2) as many:
        for one in many:
            assert one.do("open") == "done"
            one.do("begin", str(one.pid))
            assert one.do("calls", 0, 3) == "done"


def test_the_socket_is_for_its_user_alone(path: Path) -> None:
    held = Journal.open(path)
    assert os.lstat(f"{path}.socket").st_mode & 0o777 == 0o600
    held.close()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
async def test_a_forked_process_does_not_use_its_parents_line(path: Path) -> None:
    with processes(path, 1) as (first,):
        first.do("open")
        journal = Journal.open(path)
        assert type(journal._shared.writer) is RemoteWriter
        run = await journal.append([begun("r1")])
        journal.begin(run)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                journal._shared.writer.put([])
                other = Journal.open(path)
                code = 0 if other._shared is not journal._shared and run in other._view.live else 2
            finally:
                os._exit(code)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert await journal.append([call(run, 1, Kind.INTENT)]) == run + 1
        assert live_runs(path, [run]) == {run: os.getpid()}
        journal.close()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_child_of_the_process_that_writes_holds_nobody_up(path: Path) -> None:
    with processes(path, 2) as (first, second):
        for one in (first, second):
            one.do("open")
            one.do("begin", str(one.pid))
        child = first.do("fork")
        try:
            first.kill()
            second.tell("calls", 0, 1)
            began = time.monotonic()
            assert second.heard() == "done"
            assert time.monotonic() - began < 30
            assert second.do("kind") == ["RemoteWriter", True]
        finally:
            os.kill(child, signal.SIGKILL)


async def test_records_that_cannot_be_made_into_rows_fail_alone(path: Path) -> None:
    with processes(path, 1) as (first,):
        first.do("open")
        journal = Journal.open(path)
        good, bad = journal.append([begun("r1")]), journal.append([LogRecord(1, Kind.INTENT, {"a": object()})])
        with pytest.raises(TypeError, match="not JSON serializable"):
            await bad
        assert await good == 1
        half = await journal.append([call(1, 1, Kind.ANSWER, text="\ud800é", finish="stop")])
        assert journal.body(half) == {"text": "\ud800é", "finish": "stop"}
        journal.close()


def test_a_plain_run_uses_its_own_writer(path: Path) -> None:
    held = Journal.open(path)
    assert type(held._shared.writer) is Writer
    held.close()


def test_a_replaced_journal_is_not_written_on_with(path: Path) -> None:
    with processes(path, 2) as (first, second):
        for one in (first, second):
            one.do("open")
            one.do("begin", str(one.pid))
        path.rename(path.with_name("other.db"))
        first.kill()
        said = second.do("intent", 1)
        assert said.startswith("DiskError: the journal `") and "was removed or replaced" in said
