"""Journals of earlier versions, runs that share a journal, and doubts: what a journal says must not change unseen."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import JUST_BEGUN, NOT_ANSWERED, NOT_SENT, Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import command
from support.old_journals import TABLE
from support.patience import PATIENCE
from support.written import read_journal

KEY = b"\x01key"
ANSWER = '{"text":"caf\\u00e9 \\ud83d","finish":"stop","in":3,"out":4}'
FROZEN = [
    (1, 1, "run", b"", "", '{"id":"r1","flow":"f","source":"f.flow","began":1.5}', "cced695daa2f96f0"),
    (2, 1, "given", b"", "", '{"plan":{},"inputs":{}}', "9f09e9882d458ace"),
    (
        3,
        1,
        "intent",
        KEY,
        "a[0]",
        '{"model":"openai:m","bytes":100,"max":50,"key":"k","of":1,"most":300}',
        "6092e095af5d90fc",
    ),
    (4, 1, "answer", KEY, "a[0]", ANSWER, "325af981c30d419a"),
    (5, 1, "end", b"", "", '{"status":"done","ended":2.5,"account":null}', "5057d967c8d79e6e"),
]
FROZEN_HEAD = (
    b"flowrun-journal-head 1: 4 325af981c30d419a 5 5057d967c8d79e6e"
    b"                                                  a5e3f8dea558b189\n"
)


def begun(name: str) -> LogRecord:
    return LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": 1.0})


def call(run: int, kind: Kind, body: Any = None, key: bytes = KEY, place: str = "a[0]") -> LogRecord:
    return LogRecord(run, kind, body, key, place)


def written_before(path: Path) -> None:
    """Write a journal as the earlier versions wrote it, byte for byte."""
    connection = sqlite3.connect(path)
    connection.execute(TABLE)
    connection.execute("PRAGMA application_id=1718382455")
    rows = [(*columns, bytes.fromhex(check)) for *columns, check in FROZEN]
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    path.with_name(f"{path.name}.head").write_bytes(FROZEN_HEAD)


def begin_a_frame(log: Path) -> None:
    """Make a log longer, as a process does that is in the midst of a write."""
    log.write_bytes(log.read_bytes() + bytes(10))


async def listed(path: Path) -> list[dict[str, Any]]:
    ran = await command("runs", "--journal", str(path), "--json", folder=path.parent)
    rows: list[dict[str, Any]] = json.loads(ran.out)["runs"]
    return rows


# Journals of earlier versions


def test_a_journal_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    written_before(path)
    journal = Journal.open(path)
    assert journal.notes == []
    run = journal.index.runs[1]
    assert (run.id, run.status, run.ended, run.given, run.answers) == ("r1", "done", 2.5, 2, 1)
    assert journal.body(journal.index.paid[KEY][0].number) == json.loads(ANSWER)
    journal.close()
    head = path.with_name("j.db.head")
    # A head of an earlier version counts, too.
    path.unlink()
    head.write_bytes(FROZEN_HEAD)
    journal = Journal.open(path)
    assert "with its 5 rows is missing" in journal.notes[0]
    journal.close()


async def test_rows_are_written_byte_for_byte_as_before(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    one, given, *rest = (json.loads(body) for *_, body, _ in FROZEN)
    await journal.append([LogRecord(0, Kind.RUN, one), LogRecord(JUST_BEGUN, Kind.GIVEN, given)])
    for (_, run, kind, key, place, _, _), body in zip(FROZEN[2:], rest, strict=True):
        await journal.append([LogRecord(run, Kind(kind), body, key, place)])
    journal.close()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM records ORDER BY number").fetchall()
    connection.close()
    assert [(*columns, check.hex()) for *columns, check in rows] == FROZEN
    assert path.with_name("j.db.head").read_bytes() == FROZEN_HEAD


async def test_half_a_character_is_written_and_read(tmp_path: Path) -> None:
    """From a model it stays in an answer; in a place, which SQLite keeps as text, it is replaced."""
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    answer = {"text": "\ud83d", "finish": "stop"}
    place = "a[\udc80]"
    records = [call(run, Kind.INTENT, {}, place=place), call(run, Kind.ANSWER, answer, place=place)]
    await asyncio.wait_for(journal.append(records), PATIENCE)
    (paid,) = read_journal(path).paid[KEY]
    assert paid.place == "a[?]"
    assert journal.body(paid.number) == answer
    journal.close()


async def test_an_attempt_without_its_bound_counts_at_its_bytes_and_a_margin(tmp_path: Path) -> None:
    """The earliest versions wrote neither the most tokens in nor the number of calls in the request."""
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    for name, sizes in (("r1", {"bytes": 100}), ("r2", {"bytes": 100, "most": 4196, "of": 1})):
        run = await journal.append([begun(name)])
        await journal.append([call(run, Kind.INTENT, {"model": "openai:gpt-4o", "max": 10, "key": "k", **sizes})])
    journal.close()
    old, new = sorted(await listed(path), key=lambda row: str(row["run"]))
    assert (old["requests"], old["sent"]) == (1, 1)
    assert old["unbilled"] == pytest.approx(new["unbilled"])
    assert new["unbilled"] > 0


async def test_calls_that_were_not_sent_or_not_answered_are_not_on_the_bill(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    intent = {"model": "openai:gpt-4o", "bytes": 9, "max": 10, "key": "k", "of": 2, "most": 30}
    pair = [(b"k1", "a[0]"), (b"k2", "a[1]")]
    first = await journal.append([begun("r1")])
    await journal.append(call(first, Kind.INTENT, intent, *one) for one in pair)
    await journal.append(call(first, Kind.REFUSED, {"said": NOT_SENT, "of": 2}, *one) for one in pair)
    second = await journal.append([begun("r2")])
    await journal.append(call(second, Kind.INTENT, intent, *one) for one in pair)
    paid = {"text": "x", "finish": "stop", "in": 3, "out": 4}
    await journal.append([call(second, Kind.ANSWER, paid, *pair[0])])
    await journal.append([call(second, Kind.REFUSED, {"status": None, "said": NOT_ANSWERED}, *pair[1])])
    journal.close()
    rows = {row["run"]: row for row in await listed(path)}
    names = ("requests", "sent", "answered", "refused", "broken_off", "unbilled")
    assert [rows["r1"][name] for name in names] == [0, 0, 0, 0, 0, 0]
    assert [rows["r2"][name] for name in names] == [1, 1, 1, 0, 0, 0]


async def test_another_journal_that_lost_as_much_is_noticed(tmp_path: Path) -> None:
    """It ends where the transaction before the last one ended, as if the last had not come to the disk."""
    path, other = tmp_path / "j.db", tmp_path / "other.db"
    journal = Journal.open(path)
    for name in ("r1", "r2", "r3"):
        await journal.append([begun(name)])
    journal.close()
    journal = Journal.open(other)
    for name in ("o1", "o2"):
        await journal.append([begun(name)])
    for end in ("", "-wal"):
        shutil.copy(f"{other}{end}", f"{path}{end}")
    journal.close()
    with pytest.raises(DiskError, match="row 2 differs from the last written row"):
        Journal.open(path)


# Runs and their ends


async def test_a_run_that_was_resumed_has_no_end_until_it_ends_again(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    await journal.append([LogRecord(run, Kind.END, {"status": "failed", "ended": 5.0, "account": None})])
    await journal.append([LogRecord(run, Kind.RESUMED, {})])
    journal.close()
    found = read_journal(path).runs[run]
    assert (found.status, found.ended, found.stretch) == (None, None, 3)
    (row,) = await listed(path)
    assert (row["status"], row["ended"]) == ("killed", None)


async def test_a_run_is_found_by_its_whole_id_first(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    for name in ("abc", "ab", "b"):
        await journal.append([begun(name)])
    journal.close()
    index = read_journal(path)
    found = {name: [run.id for run in index.named(name)] for name in ("ab", "a", "last", "c")}
    assert found == {"ab": ["ab"], "a": ["abc", "ab"], "last": ["b"], "c": []}


async def test_the_end_of_an_attempt_is_that_of_its_own_place(tmp_path: Path) -> None:
    """Equal elements make equal calls, at different places."""
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    places = ("a[0]", "a[1]", "a[2]")
    await journal.append(call(run, Kind.INTENT, {}, place=place) for place in places)
    await journal.append([call(run, Kind.REFUSED, {"said": "busy"}, place="a[1]")])
    journal.close()
    assert [one.place for one in read_journal(path).in_doubt(run)] == ["a[0]", "a[2]"]


async def test_a_doubt_ends_with_an_answer_to_its_call(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    await journal.append([call(run, Kind.INTENT, {}), call(run, Kind.DOUBT, {"said": "reset"})])
    await journal.append([call(run, Kind.INTENT, {}, b"other", "b"), call(run, Kind.CANCELLED, None, b"other", "b")])
    other = await journal.append([begun("r2")])
    journal.close()
    # A cancelled attempt may have been paid, but nobody misses its answer.
    assert [one.place for one in read_journal(path).in_doubt(run)] == ["a[0]"]
    journal = Journal.open(path)
    await journal.append([call(other, Kind.INTENT, {}), call(other, Kind.ANSWER, {"text": "x", "finish": "stop"})])
    journal.close()
    index = read_journal(path)
    assert index.in_doubt(run) == []


# Runs of one process


async def test_what_a_run_read_stays_as_it_was_read(tmp_path: Path) -> None:
    """Another run writes on, and a third one reads that; the view of the second does not move."""
    path = tmp_path / "j.db"
    first = Journal.open(path)
    run = await first.append([begun("r1")])
    await first.append([call(run, Kind.INTENT, {}), call(run, Kind.DOUBT, {"said": "reset"})])
    await first.append([call(run, Kind.INTENT, {}, b"open", "b")])
    second = Journal.open(path)
    seen = copy.deepcopy(second.index)
    answer = {"text": "x", "finish": "stop"}
    await first.append([call(run, Kind.INTENT, {}), call(run, Kind.ANSWER, answer)])
    await first.append([call(run, Kind.ANSWER, answer, b"open", "b"), begun("r2")])
    await first.append([LogRecord(run, Kind.END, {"status": "done", "ended": 2.0})])
    third = Journal.open(path)
    assert second.index == seen
    assert third.index.runs[run].status == "done"
    assert third.index != seen
    for journal in (first, second, third):
        journal.close()


async def test_a_live_run_is_in_no_doubt_for_the_others(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    first = Journal.open(path)
    run = await first.append([begun("r1")])
    first.begin(run)
    await first.append([call(run, Kind.INTENT, {}), call(run, Kind.DOUBT, {"said": "reset"})])
    await first.append([call(run, Kind.INTENT, {}, b"open", "b")])
    second = Journal.open(path)
    assert second.index.in_doubt(run) == []
    first.close()
    third = Journal.open(path)
    assert len(third.index.in_doubt(run)) == 2
    second.close()
    third.close()


async def test_a_row_that_is_being_written_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    await journal.append([begun("r1")])
    begin_a_frame(Path(f"{path}-wal"))
    with JournalReader(path) as reader:
        assert reader.notes == []
        assert list(reader.index.runs) == [1]
    await journal.append([begun("r2")])
    journal.close()
    assert len(read_journal(path).runs) == 2


async def test_a_run_is_resumed_by_one_at_a_time(tmp_path: Path) -> None:
    """Both had opened the journal before either of them took the run."""
    path = tmp_path / "j.db"
    first = Journal.open(path)
    run = await first.append([begun("r1")])
    second = Journal.open(path)
    first.begin(run)
    with pytest.raises(UsageError, match="r1 is still active in this process"):
        second.begin(run)
    first.close()
    second.close()


def _wait(told: Any, until: Any) -> None:
    told.send("here")
    until.recv()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_child_that_lives_longer_does_not_hold_the_journal(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    path = tmp_path / "j.db"
    held = Journal.open(path)
    child = context.Process(target=_wait, args=(theirs, theirs))
    child.start()
    try:
        assert ours.recv() == "here"
        held.close()
        Journal.open(path).close()
    finally:
        ours.send("end")
        child.join()


# Disks


def test_a_reserve_without_room_is_made_anew(tmp_path: Path) -> None:
    reserve = tmp_path / "j.db.reserve"
    reserve.touch(0o600)
    journal = Journal.open(tmp_path / "j.db")
    assert reserve.stat().st_size > 100_000
    journal.close()


async def test_a_disk_that_stays_full_is_no_success(tmp_path: Path) -> None:
    """The room of the reserve was not enough."""

    class Full(sqlite3.Connection):
        full = False

        def commit(self) -> None:
            if Full.full:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            super().commit()

    path = tmp_path / "j.db"
    journal = Journal.open(path, lambda *given, **named: sqlite3.connect(*given, **named, factory=Full))
    run = await journal.append([begun("r1")])
    Full.full = True
    with pytest.raises(DiskError, match="cannot be written any more"):
        await journal.append([call(run, Kind.INTENT, {})])
    Full.full = False
    # The row before is missing, so nothing may follow it.
    with pytest.raises(DiskError, match="cannot be written any more"):
        await journal.append([call(run, Kind.ANSWER, {"text": "x", "finish": "stop"})])
    journal.close()
    index = read_journal(path)
    assert (dict(index.paid), index.open, list(index.runs)) == ({}, {}, [run])
