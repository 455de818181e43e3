"""A writer is killed between its commit and the moment when other connections see that commit.

The log holds the transaction then, but its index (``-shm``) does not. SQLite leaves the transaction out as long as any
process has the journal open. It reads it from the log when the first connection opens after the last one was closed.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal.records import Kind
from flowrun.runtime.journal.store import Journal
from support.journal_processes import Process, begun, call, processes
from support.written import read_journal

READER = """
import pathlib, sqlite3, sys
reader = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(reader.execute("SELECT count(*) FROM records").fetchone()[0], flush=True)
sys.stdin.readline()
"""


class Reader:
    """Another process that has the journal open, and keeps its index as it is."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.rows = int(self._process.stdout.readline())

    def end(self) -> None:
        if self._process.returncode is None:
            self._process.communicate("\n")


def killed_at_a_commit(path: Path, writing: Process) -> Reader:
    """Kill a process behind a commit, and before it told so in the index. Return a reader that was there before."""
    reader = Reader(path)
    index = path.with_name("j.db-shm")
    before = index.read_bytes()
    assert writing.do("intent", 7) == "done"
    writing.kill()
    with index.open("r+b") as file:
        file.write(before)
    return reader


@pytest.mark.parametrize("leaves", ["before the rows are read", "behind the rows", "never"])
async def test_the_next_writer_numbers_its_rows_behind_those_of_a_killed_one(leaves: str, tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with processes(path, 1) as (first,):
        assert first.do("open") == "done"
        run = first.do("begin", "r1")
        reader = killed_at_a_commit(path, first)
    assert reader.rows == 1
    if leaves.startswith("before"):
        reader.end()
    opened = 0

    def connect(*given: Any, **more: Any) -> sqlite3.Connection:
        nonlocal opened
        opened += 1
        if opened == 2 and leaves.startswith("behind"):
            reader.end()
        connection: sqlite3.Connection = sqlite3.connect(*given, **more)
        return connection

    journal = Journal.open(path, connect)
    number = await journal.append([begun("r2")])
    await journal.append([call(number, 1, Kind.INTENT)])
    journal.close()
    assert opened == 2
    reader.end()
    index = read_journal(path)
    assert {one.id for one in index.runs.values()} == {"r1", "r2"}
    assert set(index.doubts()) == ({run, number} if leaves.startswith("before") else {number})
