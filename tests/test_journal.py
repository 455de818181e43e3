"""The journal as a file: what is written stays, it has one writer, and damage and full disks are met in good order."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.cpu import cpu_within
from support.soak import share
from support.written import read_journal


def call(number: int, kind: Kind, run: int = 1, **body: Any) -> LogRecord:
    return LogRecord(run, kind, body, number.to_bytes(16, "big"), f"a[{number}]")


HEAD = LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})


async def filled(path: Path, calls: int = 3) -> None:
    journal = Journal.open(path)
    assert await journal.append([HEAD]) == 1
    for number in range(calls):
        await journal.append([call(number, Kind.INTENT)])
        await journal.append([call(number, Kind.ANSWER, text="x" * 50, finish="stop")])
    journal.close()


async def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ".flowrun" / "journal.db"
    await filled(path)
    journal = Journal.open(path)
    assert journal.notes == []
    run = journal.index.runs[1]
    assert (run.id, run.answers, run.status) == ("r1", 3, None)
    paid = journal.index.paid[(2).to_bytes(16, "big")]
    assert [(one.run, one.place) for one in paid] == [(1, "a[2]")]
    assert journal.body(paid[0].number)["text"] == "x" * 50
    journal.close()
    assert read_journal(path) == journal.index


async def test_attempts_without_an_end_are_known(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    await journal.append([HEAD])
    kinds = (Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED)
    for number, kind in enumerate(kinds):
        await journal.append([call(number, Kind.INTENT), call(number, kind)])
    await journal.append([call(9, Kind.INTENT), call(9, Kind.INTENT), call(9, Kind.REFUSED)])
    journal.close()
    index = read_journal(path)
    run = index.runs[1]
    assert (run.answers, len(index.unanswered)) == (1, 2)
    assert [one.place for one in index.in_doubt(1)] == ["a[9]", "a[2]"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
async def test_it_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / ".flowrun" / "journal.db"
    before = os.umask(0)
    try:
        journal = Journal.open(path)
        await journal.append([HEAD])
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
        journal.close()
    finally:
        os.umask(before)
    assert {name for name, mode in modes.items() if mode & 0o077} <= {".gitignore"}
    assert len(modes) >= 4
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


HOLD = """
import sys, pathlib
from flowrun.runtime.journal.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
lock.take()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_writer_is_refused_in_seconds_where_the_first_listens_to_none_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        began = time.monotonic()
        with pytest.raises(UsageError, match=f"process {process.pid} is running a flow with this journal"):
            Journal.open(path)
        assert time.monotonic() - began < 60
        assert read_journal(path) == Index()
        process.kill()
        process.wait()
    Journal.open(path).close()


# Damage


async def test_a_changed_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET body = replace(body, 'x', 'y') WHERE number = 5")
    connection.close()
    with pytest.raises(
        DiskError, match=r"damaged: row 5 \(`answer`, a\[1\]\) differs from the written row\. No call was made"
    ):
        Journal.open(path)
    with pytest.raises(DiskError, match="row 5"):
        read_journal(path)


@pytest.mark.parametrize(("change", "place"), [("DELETE FROM records WHERE number = 3", "row 3 is missing")])
async def test_a_missing_row_is_named(tmp_path: Path, change: str, place: str) -> None:
    path = tmp_path / "j.db"
    await filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(DiskError, match=place):
        Journal.open(path)


async def test_no_broken_byte_passes_unseen(tmp_path: Path) -> None:
    """A byte of the file is changed: the journal is refused, or says just what it said before."""
    whole, broken = tmp_path / "whole.db", tmp_path / "broken.db"
    await filled(whole, calls=60)
    said, data = read_journal(whole), whole.read_bytes()
    assert len(data) > 3 * 4096
    rng = random.Random(4)
    refused = 0
    for _ in range(250):
        place = rng.randrange(len(data))
        broken.write_bytes(data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :])
        try:
            assert read_journal(broken) == said, place
        except DiskError:
            refused += 1
    assert refused > 100


async def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await filled(path, calls=60)
    data = path.read_bytes()
    for size in (len(data) - 1, len(data) - 4096, 4096, 100):
        path.write_bytes(data[:size])
        with pytest.raises(DiskError, match=r"damaged|no journal"):
            Journal.open(path)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def log_size(path: Path) -> int:
    return path.stat().st_size


def shorten(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])


async def left_behind(path: Path, groups: int) -> None:
    """A journal whose writer was killed: its log still holds all that was written."""
    journal = Journal.open(path)
    await journal.append([HEAD])
    for number in range(groups):
        await journal.append([call(number, Kind.INTENT)])
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    journal.close()
    shutil.move(copy, path)
    shutil.move(f"{copy}-wal", f"{path}-wal")


async def test_a_log_that_was_left_behind_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await left_behind(path, 8)
    journal = Journal.open(path)
    assert len(journal.index.in_doubt(1)) == 8
    assert journal.notes == []
    journal.close()


@pytest.mark.parametrize("cut", [1, 30, 4000, 4120])
async def test_a_torn_tail_is_dropped_with_a_note(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.db"
    await left_behind(path, 8)
    shorten(Path(f"{path}-wal"), cut)
    journal = Journal.open(path)
    assert len(journal.index.in_doubt(1)) == 7
    assert len(journal.notes) == 1
    await journal.append([call(99, Kind.INTENT)])
    journal.close()
    assert len(read_journal(path).in_doubt(1)) == 8


async def test_a_torn_write_in_the_last_transaction_is_dropped_too(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await left_behind(path, 8)
    flip(Path(f"{path}-wal"), -100)
    journal = Journal.open(path)
    assert len(journal.index.in_doubt(1)) == 7
    assert "flowrun ignores this row" in journal.notes[0]
    journal.close()


async def test_a_log_that_is_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await left_behind(path, 8)
    log = Path(f"{path}-wal")
    flip(log, log_size(log) // 2)
    with pytest.raises(DiskError, match=r"`j.db-wal` is broken in frame \d+"):
        Journal.open(path)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE records (number INTEGER PRIMARY KEY, run, kind, key, place, body, sum)",
        "CREATE VIEW records AS SELECT 1 AS number, 1 AS run, 'run' AS kind, x'' AS key, '' AS place, '{}' AS body",
        "CREATE TABLE other (a)",
    ],
)
def test_a_foreign_database_is_left_alone(tmp_path: Path, script: str) -> None:
    path = tmp_path / "j.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(DiskError, match="not a journal of this version"):
        Journal.open(path)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


async def test_a_trigger_in_a_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await filled(path)
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END")
    connection.close()
    with pytest.raises(DiskError, match="not a journal of this version"):
        Journal.open(path)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(b"these are somebody's notes, and long enough to be read as a page" * 100)
    with pytest.raises(DiskError, match="damaged"):
        Journal.open(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DiskError, match="is a pipe: remove it"):
        Journal.open(tmp_path / "pipe")


async def test_rows_that_make_no_sense_are_damage_and_no_crash(tmp_path: Path) -> None:
    bad: list[LogRecord] = [
        LogRecord(0, Kind.RUN, {"id": "x"}),
        LogRecord(0, Kind.RUN, ["x"]),
        LogRecord(7, Kind.ANSWER, {}, b"k", "p"),
        LogRecord(1, Kind.END, {"status": "done", "ended": "then"}),
    ]
    for number, record in enumerate(bad):
        path = tmp_path / f"{number}.db"
        journal = Journal.open(path)
        await journal.append([HEAD])
        await journal.append([record])
        journal.close()
        with pytest.raises(DiskError, match="row 2 cannot be read"):
            Journal.open(path)


# Writing in trouble


class Fails(sqlite3.Connection):
    """Commits until it is told not to; ``codes`` are the errors of the commits to come."""

    codes: list[int]

    def commit(self) -> None:
        if self.codes:
            error = sqlite3.OperationalError("it is in trouble")
            error.sqlite_errorcode = self.codes.pop(0)
            raise error
        super().commit()


def failing(codes: list[int]) -> Callable[..., sqlite3.Connection]:
    Fails.codes = codes
    return lambda *args, **named: sqlite3.connect(*args, **named, factory=Fails)


async def test_a_full_disk_is_told_and_the_answer_under_way_is_kept(tmp_path: Path) -> None:
    path, codes, told = tmp_path / "j.db", list[int](), list[DiskError]()
    journal = Journal.open(path, failing(codes))
    journal.on_trouble = told.append
    await journal.append([HEAD])
    reserve = tmp_path / "j.db.reserve"
    assert reserve.stat().st_size > 0
    codes.append(sqlite3.SQLITE_FULL)
    await journal.append([call(1, Kind.INTENT)])
    assert not reserve.exists()
    await journal.append([call(2, Kind.INTENT)])
    assert len(told) == 1
    journal.close()
    assert len(read_journal(path).in_doubt(1)) == 2


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_READONLY])
async def test_after_a_failed_sync_nothing_counts_as_written(tmp_path: Path, code: int) -> None:
    path, codes, told = tmp_path / "j.db", list[int](), list[DiskError]()
    journal = Journal.open(path, failing(codes))
    journal.on_trouble = told.append
    await journal.append([HEAD])
    codes.append(code)
    waits = [journal.append([call(number, Kind.INTENT)]) for number in range(5)]
    done = await asyncio.gather(*waits, return_exceptions=True)
    assert all(isinstance(one, DiskError) for one in done)
    with pytest.raises(DiskError, match="in trouble"):
        await journal.append([call(9, Kind.INTENT)])
    assert len(told) == 1
    journal.close()
    assert len(read_journal(path).in_doubt(1)) == 0


async def test_many_who_wait_share_a_commit(tmp_path: Path) -> None:
    commits = 0

    class Counted(sqlite3.Connection):
        def commit(self) -> None:
            nonlocal commits
            commits += 1
            super().commit()

    journal = Journal.open(tmp_path / "j.db", lambda *a, **named: sqlite3.connect(*a, **named, factory=Counted))
    await journal.append([HEAD])
    numbers = await asyncio.gather(*(journal.append([call(number, Kind.INTENT)]) for number in range(500)))
    assert numbers == list(range(2, 502))
    journal.close()
    assert commits < 50


@pytest.mark.slow
async def test_a_million_rows_are_read_within_half_a_minute(tmp_path: Path) -> None:
    """A soak reads a million. A share of them may take its share of the processor's time."""
    calls = share(500_000, least=100_000)
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    await journal.append([HEAD])
    for start in range(0, calls, 10_000):
        await journal.append(
            record
            for number in range(start, start + 10_000)
            for record in (call(number, Kind.INTENT), call(number, Kind.ANSWER, text="yes", finish="stop"))
        )
    journal.close()
    with cpu_within(30 * calls / 500_000):
        index = read_journal(path)
    assert index.runs[1].answers == calls
