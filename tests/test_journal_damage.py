"""A journal that is damaged is never taken for an empty one, or for a shorter one."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError
from support.few_cases import some
from support.written import read_journal

BEGUN = LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})


def answer(number: int) -> LogRecord:
    return LogRecord(1, Kind.ANSWER, {"text": "x" * 60, "finish": "stop"}, number.to_bytes(16, "big"), f"a[{number}]")


def written(path: Path, answers: int, first: int = 0) -> None:
    """A run with these answers, or these more of it; each is a transaction."""
    asyncio.run(_write(path, answers, first))


async def _write(path: Path, answers: int, first: int) -> None:
    journal = Journal.open(path)
    if not journal.index.runs:
        await journal.append([BEGUN])
    for number in range(first, first + answers):
        await journal.append([answer(number)])
    journal.close()


def killed(path: Path, answers: int) -> Path:
    """A copy of a journal as its writer leaves it when it is killed: all is in the log."""
    copy = path.with_name("killed.db")

    async def write_and_copy() -> None:
        journal = Journal.open(path)
        await journal.append([BEGUN])
        for number in range(answers):
            await journal.append([answer(number)])
        for end in ("", "-wal", ".head"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
        journal.close()

    asyncio.run(write_and_copy())
    return copy


def opened(path: Path) -> tuple[list[str], int]:
    """The notes of a journal that is taken, and the answers of its first run."""
    journal = Journal.open(path)
    found = journal.notes, journal.index.runs[1].answers if journal.index.runs else 0
    journal.close()
    return found


def refused(path: Path) -> str:
    """What is said of a journal that is refused, by the reader and by the writer alike; its files stay as they were."""
    before = {end: read(Path(f"{path}{end}")) for end in ("", "-wal", ".head")}
    said = []
    for take in (JournalReader, Journal.open):
        with pytest.raises(DiskError) as caught:
            take(path)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert {end: read(Path(f"{path}{end}")) for end in before} == before
    return said[0]


def read(path: Path) -> bytes:
    """An empty log, which SQLite makes to look at a file, is none."""
    return path.read_bytes() if path.exists() else b""


def flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def cut_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def clear_the_cells(path: Path) -> None:
    flip(path, 104)


def drop_the_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE records")
    connection.close()


def empty_the_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM records")
    connection.close()


def lose_the_last_row(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM records WHERE number = (SELECT max(number) FROM records)")
    connection.close()


def make_another(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.close()
    path.touch()


@pytest.mark.parametrize(
    "damage",
    [cut_to_nothing, clear_the_cells, drop_the_table, empty_the_table, lose_the_last_row, make_another],
)
def test_rows_that_are_gone_are_missed(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, 40)
    damage(path)
    said = refused(path)
    assert "is damaged" in said
    assert "No call was made" in said


@pytest.mark.parametrize("part", some(range(5), 5))
def test_every_bit_of_the_first_bytes(part: int, tmp_path: Path) -> None:
    """The header of the database and of its first page: refused, or what it says is what was written."""
    whole = tmp_path / "whole.db"
    written(whole, 40)
    said = read_journal(whole)
    broken = tmp_path / "broken.db"
    shutil.copy(f"{whole}.head", f"{broken}.head")
    data = whole.read_bytes()
    silent = []
    # Five parts, so that each of them has all eight bits.
    for number in range(part, 160 * 8, 5):
        place, bit = divmod(number, 8)
        broken.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])
        try:
            if read_journal(broken) != said:
                silent.append((place, bit))
        except DiskError:
            pass
    assert silent == []


@pytest.mark.parametrize("headed", [True, False])
def test_every_bit_of_the_logs_header(headed: bool, tmp_path: Path) -> None:
    """Also where no head says how much there must be."""
    path = killed(tmp_path / "journal.db", 40)
    if not headed:
        Path(f"{path}.head").unlink()
    log, kept = Path(f"{path}-wal"), tmp_path / "log"
    shutil.copy(log, kept)
    for place in range(32):
        shutil.copy(kept, log)
        flip(log, place, place % 8)
        with pytest.raises(DiskError, match="is damaged"):
            read_journal(path)


def test_no_broken_byte_of_the_log_passes_unseen(tmp_path: Path) -> None:
    """A byte of the log is changed: refused, or at most the last transaction is left out, and that is said."""
    path = killed(tmp_path / "journal.db", 30)
    said = read_journal(path)
    log = Path(f"{path}-wal")
    data = log.read_bytes()
    rng = random.Random(7)
    outcomes = set()
    for _ in range(300):
        place = rng.randrange(len(data))
        log.write_bytes(data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :])
        try:
            with JournalReader(path) as reader:
                if reader.index == said:
                    outcomes.add("same")
                    continue
                assert reader.index.runs[1].answers == 29, place
                assert "flowrun ignores this row" in reader.notes[0]
                outcomes.add("torn")
        except DiskError:
            outcomes.add("refused")
    assert outcomes >= {"torn", "refused"}


@pytest.mark.parametrize("keep", [0, 32, 4000])
def test_a_log_that_is_gone_is_missed(keep: int, tmp_path: Path) -> None:
    path = killed(tmp_path / "journal.db", 40)
    log = Path(f"{path}-wal")
    log.write_bytes(log.read_bytes()[:keep])
    said = refused(path)
    assert "damaged" in said
    log.unlink()
    assert "it holds 0 of the 41 rows that were written" in refused(path)


def test_what_is_refused_can_be_put_back(tmp_path: Path) -> None:
    """A refusal writes nothing and deletes nothing: with the right log the journal is whole again."""
    path = killed(tmp_path / "journal.db", 40)
    log = Path(f"{path}-wal")
    good = log.read_bytes()
    flip(log, 20)
    refused(path)
    log.write_bytes(good)
    assert opened(path) == ([], 40)


def test_an_older_copy_is_told_from_the_journal(tmp_path: Path) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    written(path, 3)
    shutil.copy(path, copy)
    written(path, 2, 7)
    shutil.copy(copy, path)
    assert "it holds 4 of the 6 rows that were written" in refused(path)
    # The message says how to take it all the same.
    Path(f"{path}.head").unlink()
    assert opened(path) == ([], 3)


def test_another_journal_in_its_place_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "journal.db", tmp_path / "other.db"
    written(path, 3)
    written(other, 6, 10)
    shutil.copy(other, path)
    assert "differs from the last written row" in refused(path)


def test_a_journal_that_was_removed_is_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, 3)
    path.unlink()
    with JournalReader(path) as reader:
        assert reader.index == Index()
        assert "with its 4 rows is missing" in reader.notes[0]
    assert "with its 4 rows is missing" in opened(path)[0][0]
    assert opened(path) == ([], 0)


def test_a_journal_without_a_head_is_taken_and_gets_one(tmp_path: Path) -> None:
    """Journals of the versions that wrote no head."""
    path = tmp_path / "journal.db"
    written(path, 3)
    Path(f"{path}.head").unlink()
    assert opened(path) == ([], 3)
    cut_to_nothing(path)
    assert "it holds 0 of the 4 rows" in refused(path)


@pytest.mark.parametrize("data", [b"", b"\0" * 128])
def test_a_head_that_was_never_filled_says_nothing(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, 3)
    Path(f"{path}.head").write_bytes(data)
    assert opened(path) == ([], 3)


def test_a_head_that_is_broken_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, 3)
    whole = Path(f"{path}.head").read_bytes()
    for place in range(len(whole)):
        Path(f"{path}.head").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with JournalReader(path) as reader:
            assert reader.index.runs[1].answers == 3
            assert "could not be read" in reader.notes[0]
    cut_to_nothing(path)
    assert "it is empty" in refused(path)
    written(tmp_path / "second.db", 3)
    flip(tmp_path / "second.db.head", 30)
    Journal.open(tmp_path / "second.db").close()
    assert opened(tmp_path / "second.db") == ([], 3)


def test_the_head_is_behind_and_never_before_the_rows(tmp_path: Path) -> None:
    """A process that is killed between a transaction and its head: more rows than the head says are whole."""
    path = tmp_path / "journal.db"
    written(path, 3)
    before = Path(f"{path}.head").read_bytes()
    written(path, 1, 9)
    Path(f"{path}.head").write_bytes(before)
    assert opened(path) == ([], 4)


async def test_reading_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = Journal.open(path)
    await journal.append([BEGUN])
    for number in range(60):
        waits = journal.append([answer(number)])
        with JournalReader(path) as reader:
            assert reader.index.runs[1].answers in (number, number + 1)
            assert reader.notes == []
        await waits
    journal.close()
