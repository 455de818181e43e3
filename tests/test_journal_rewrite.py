"""A journal that is rewritten without some runs is the journal that the other runs would have written."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.rewrite import rewrite
from flowrun.runtime.journal.stats import stats_of
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.random_rows import records, write
from support.written import read_journal

CONTENTS = [bytes([number]) * 16 for number in range(4)]


def with_contents(rows: list[LogRecord], dice: random.Random) -> list[LogRecord]:
    """Give each run some contents. A content is written once, by the first run that needs it."""
    out: list[LogRecord] = []
    written: set[bytes] = set()
    numbers: dict[int, int] = {}
    for at, row in enumerate(rows, 1):
        run = numbers.get(row.run, 0)
        out.append(row._replace(run=run) if row.kind is not Kind.RUN else row)
        if row.kind is not Kind.RUN:
            continue
        numbers[at] = run = len(out)
        needed = dice.sample(CONTENTS, 2)
        for key in needed:
            if key not in written:
                written.add(key)
                out.append(LogRecord(run, Kind.CONTENT, {"text": key.hex()}, key))
        plan, inputs = (key.hex() for key in needed)
        out.append(LogRecord(run, Kind.GIVEN, {"plan": plan, "inputs": inputs}))
    return out


def seen(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a journal knows of each run, by the run's id; row numbers left out."""
    index = read_journal(path)
    names = {run.number: run.id for run in index.runs.values()}
    found: dict[str, list[tuple[object, ...]]] = {}
    with closing(sqlite3.connect(path)) as reader:
        for run, kind, key, place, body in reader.execute(
            "SELECT run, kind, key, place, body FROM records WHERE kind <> 'content' ORDER BY number"
        ):
            found.setdefault(names[run], []).append((kind, key, place, body))
    return found


def contents(path: Path) -> dict[bytes, str]:
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT key, body FROM records WHERE kind = 'content'").fetchall()
    assert len(rows) == len(dict(rows))
    return dict(rows)


@pytest.mark.parametrize("seed", range(10))
def test_the_other_runs_are_left_as_they_were(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    path = tmp_path / "journal.db"
    write(path, with_contents(list(records(dice, 300)), dice))
    before, known = seen(path), contents(path)
    index = read_journal(path)
    gone = set(dice.sample(sorted(index.runs), len(index.runs) // 2))
    kept = {run.id for run in index.runs.values() if run.number not in gone}
    sizes = rewrite(path, gone)
    assert seen(path) == {name: rows for name, rows in before.items() if name in kept}
    needed = {key.hex() for key in known if any(key.hex() in str(row) for name in kept for row in before[name])}
    assert {key.hex(): body for key, body in contents(path).items()} == {
        key.hex(): body for key, body in known.items() if key.hex() in needed
    }
    after = read_journal(path)
    assert {run.id: replace(run, number=0, given=0, stretch=0) for run in after.runs.values()} == {
        run.id: replace(run, number=0, given=0, stretch=0) for run in index.runs.values() if run.id in kept
    }
    assert sizes.rows == after_rows(path) < sizes.rows_before


def after_rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as reader:
        return int(reader.execute("SELECT count(*) FROM records").fetchone()[0])


def test_a_rewritten_journal_takes_more_rows(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(1), 100)))
    first = min(read_journal(path).runs)
    rewrite(path, [first])
    count = len(read_journal(path).runs)
    write(path, [LogRecord(0, Kind.RUN, {"id": "later", "flow": "f", "source": "f.flow", "began": 9.0})])
    assert len(read_journal(path).runs) == count + 1
    assert not path.with_name("journal.db.rewrite").exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_all_runs_can_go(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(1), 100)))
    rewrite(path, list(read_journal(path).runs))
    assert read_journal(path) == Index()
    assert stats_of(path).kinds == {}


def test_damage_leaves_the_old_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(1), 100)))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE records SET body = replace(body, 'x', 'y') WHERE number = 60")
        connection.commit()
    whole = path.read_bytes()
    with pytest.raises(DiskError, match=r"row 60 .*differs"):
        rewrite(path, [])
    assert path.read_bytes() == whole
    assert not path.with_name("journal.db.rewrite").exists()


def test_a_journal_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def busy() -> None:
        with closing(Journal.open(path)) as journal:
            await journal.append([LogRecord(0, Kind.RUN, {"id": "a", "flow": "f", "source": "f", "began": 1.0})])
            # flock counts for each open file, so this holds within one process too
            with pytest.raises(UsageError, match="wait for it"):
                rewrite(path, [1])

    asyncio.run(busy())
    assert [run.id for run in read_journal(path).runs.values()] == ["a"]


def test_a_reader_that_keeps_the_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(1), 50)))
    with closing(sqlite3.connect(path)) as writer, closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        # a commit after the reader began cannot leave the log
        writer.execute("PRAGMA user_version = 1")
        writer.commit()
        with pytest.raises(UsageError, match="another command reads"):
            rewrite(path, [])
    rewrite(path, [])


@pytest.mark.parametrize("at", ["_sync", "_empty_log", "replace", "unlink", "HeadFile"])
def test_a_kill_at_any_step_leaves_one_whole_journal(at: str, tmp_path: Path) -> None:
    """The process dies at the moment when it would do the step."""
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(3), 200)))
    old = {run.id for run in read_journal(path).runs.values()}
    first, gone = next((run.number, run.id) for run in read_journal(path).runs.values())
    program = f"""
import os, pathlib
from flowrun.runtime.journal import rewrite as module
def die(*_, **__): os._exit(9)
if {at!r} == "replace": os.replace = die
elif {at!r} == "unlink":
    pathlib.Path.unlink = die
else: setattr(module, {at!r}, die)
module.rewrite(pathlib.Path({str(path)!r}), [{first}])
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    found = {run.id for run in read_journal(path).runs.values()}
    assert found in (old, old - {gone})
    # and the next try is not disturbed by what was left
    count = len(found)
    rewrite(path, [min(read_journal(path).runs)])
    assert len(read_journal(path).runs) == count - 1
    write(path, [LogRecord(0, Kind.RUN, {"id": "later", "flow": "f", "source": "f.flow", "began": 9.0})])


def test_wiping_overwrites_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    row = LogRecord(1, Kind.ANSWER, {"text": "a very secret answer", "finish": "stop"}, b"k" * 16, "f.a")
    intent = LogRecord(1, Kind.INTENT, {"model": "m", "bytes": 3}, b"k" * 16, "f.a")
    write(path, [LogRecord(0, Kind.RUN, {"id": "a", "flow": "f", "source": "f", "began": 1.0}), intent, row])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # another name for the old file, made when it is about to be replaced
    real, old = os.replace, tmp_path / "old"

    def replaced(source: str, target: str) -> None:
        os.link(target, old)
        real(source, target)

    monkeypatch.setattr(os, "replace", replaced)
    rewrite(path, [1], wipe=True)
    assert b"secret" not in old.read_bytes()
    assert b"secret" not in b"".join(one.read_bytes() for one in tmp_path.iterdir() if one.is_file())
    old.unlink()
    assert read_journal(path) == Index()
