"""Journals of many records: a command reads what it needs of them, and refuses damage in what it uses."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.journal import survey
from flowrun.runtime.journal.answers import Answers, Paid
from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.errors import DiskError
from support.command_line import command
from support.few_cases import some
from support.random_rows import records, write
from support.written import read_journal

FLOW = """
flow each(rows: [text]) {
  out = map row in rows {
    answer = ask "Say {{ row }}"
    answer
  } reduce collect
  return out
}
"""


def a_run(path: Path, answers: int) -> None:
    """Write a run that has ended, with so many answers."""
    rows = [LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})]
    for number in range(answers):
        call = number.to_bytes(16, "big"), f"f.out[{number}]"
        rows.append(LogRecord(1, Kind.INTENT, {"model": "m", "bytes": 3}, *call))
        rows.append(LogRecord(1, Kind.ANSWER, {"text": "x", "finish": "stop"}, *call))
    write(path, [*rows, LogRecord(1, Kind.END, {"status": "done", "ended": 2.0, "account": {"unbilled": 0.0}})])


@pytest.mark.parametrize("block", [1, 7, 4_000])
@pytest.mark.parametrize("seed", some(range(8), 3))
def test_the_queries_find_what_a_full_reading_finds(
    seed: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "_BLOCK", block)
    monkeypatch.setattr(survey, "_AT_ONCE", block)
    path = tmp_path / "journal.db"
    write(path, list(records(random.Random(seed), 400)))
    whole = read_journal(path)
    assert len(whole.runs) > 3
    assert whole.doubts()
    with JournalReader(path, survey.read_runs) as reader:
        assert reader.index.runs == whole.runs
        assert {run: set(found) for run, found in reader.index.doubts().items()} == {
            run: set(found) for run, found in whole.doubts().items()
        }
    with JournalReader(path, survey.read_answers) as reader:
        assert reader.index.paid == whole.paid
        assert reader.index.paid.count == sum(run.answers for run in whole.runs.values())


def test_an_empty_journal_and_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(2):
        for read in (survey.read_runs, survey.read_answers):
            with JournalReader(path, read) as reader:
                assert reader.index == Index()
        write(path, [])


def rows_read(path: Path, read: Callable[[sqlite3.Connection, Path, Index], object]) -> int:
    """Count the rows that SQLite hands to Python."""
    count = 0

    def counted(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal count
        count += 1
        return row

    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = counted
        read(connection, path, Index())
    return count


def test_the_list_of_runs_reads_few_rows_however_many_answers_there_are(tmp_path: Path) -> None:
    few, many = tmp_path / "few.db", tmp_path / "many.db"
    a_run(few, 10)
    a_run(many, 5_000)
    # SQLite hands over one row of sums, and one list of heads, for each block of rows.
    assert rows_read(many, survey.read_runs) <= rows_read(few, survey.read_runs) + 3
    assert rows_read(many, survey.read_answers) >= 5_000


def test_the_open_calls_of_a_killed_run_are_found_from_its_end(tmp_path: Path) -> None:
    found = []
    for answers in (10, 5_000):
        path = tmp_path / f"{answers}.db"
        a_run(path, answers)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM records WHERE number = (SELECT max(number) FROM records)")
        Path(f"{path}.head").unlink()
        write(path, [LogRecord(1, Kind.INTENT, {"model": "m", "bytes": 3}, b"k" * 16, "f.out[x]")])
        found.append(rows_read(path, survey.read_runs))
        with JournalReader(path, survey.read_runs) as reader:
            assert [one.place for one in reader.index.in_doubt(1)] == ["f.out[x]"]
    assert found[1] <= found[0] + 3


def change(path: Path, number: int, column: str, value: object) -> None:
    """Change a row as a broken disk would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE records SET {column} = ? WHERE number = ?", (value, number))


DAMAGES = [("body", '{"text":"no"}'), ("place", "elsewhere"), ("key", b"other"), ("run", 1 << 40), ("sum", b"12345678")]


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_damaged_row_is_refused_when_it_is_used(column: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    a_run(path, 5)
    with JournalReader(path, survey.read_answers) as reader:
        change(path, 5, column, value)
        assert reader.body(3)["text"] == "x"
        with pytest.raises(DiskError, match=r"is damaged: row 5 \(`answer`, .*differs from the written row"):
            reader.body(5)
    change(path, 5, "body", "{}")
    with pytest.raises(DiskError, match=r"row 5 \(`answer`"):
        Journal.open(path)


def test_a_row_whose_neighbour_is_lost_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    a_run(path, 5)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM records WHERE number = 4")
    with JournalReader(path, survey.read_answers) as reader:
        for number in (4, 5):
            with pytest.raises(DiskError, match="row 4 is missing"):
                reader.body(number)
    with pytest.raises(DiskError, match="row 4 is missing"):
        JournalReader(path, survey.read_runs)


@pytest.mark.parametrize("number", [1, 12])
def test_damage_in_the_head_or_the_end_of_a_run_is_refused(number: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    a_run(path, 5)
    change(path, number, "body", '{"id":"r2","flow":"f","source":"","began":1,"status":"done","ended":2}')
    with pytest.raises(DiskError, match=f"row {number} "):
        JournalReader(path, survey.read_runs)


@pytest.mark.parametrize(("number", "text"), [(12, "answers"), (1 << 40, "its rows")])
def test_a_row_of_an_unknown_run_is_refused(number: int, text: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    a_run(path, 5)
    change(path, 4, "run", number)
    with pytest.raises(DiskError, match="row 4 "):
        JournalReader(path, survey.read_runs)


async def test_the_commands_on_a_journal_with_a_damaged_answer(tmp_path: Path) -> None:
    """`runs` lists its runs. `plan` and `resume` need the answer, and refuse it with its place."""
    (tmp_path / "each.flow").write_text(FLOW, encoding="utf-8")
    (tmp_path / "rows.json").write_text(json.dumps([f"r{number}" for number in range(6)]), encoding="utf-8")
    environ = {"FLOWRUN_JOURNAL": "journal.db", "FLOWRUN_MODEL": "openai:m", "OPENAI_API_KEY": "none"}
    options = RunOptions(
        journal=tmp_path / "journal.db",
        environ=environ,
        opener=lambda model, around: _Named(lambda request, number: "yes"),
    )
    result = await run_async(tmp_path / "each.flow", {"rows": tmp_path / "rows.json"}, options=options)
    assert result.ok
    plain = await command("plan", "each.flow", "--rows", "rows.json", folder=tmp_path, **environ)
    assert "the journal has 6 answers for this flow: a run makes no calls" in plain.out
    numbers = [one.number for found in read_journal(tmp_path / "journal.db").paid.values() for one in found]
    change(tmp_path / "journal.db", max(numbers), "body", '{"text":"no","finish":"stop","in":1,"out":1}')
    listed = await command("runs", folder=tmp_path, **environ)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines()[-1].split()[-1] == "6"
    for words in (("plan", "each.flow", "--rows", "rows.json"), ("resume", "last")):
        refused = await command(*words, folder=tmp_path, **environ)
        assert refused.code != 0
        assert f"is damaged: row {max(numbers)} (`answer`, " in refused.err


class _Named(ScriptedProvider):
    """A scripted provider with the endpoint of the provider for which it stands."""

    def __init__(self, script: Callable[[Any, int], str]) -> None:
        super().__init__(script, model="openai:m")
        self.endpoint = "https://api.openai.com/v1"


def test_answers_in_columns() -> None:
    """Added one by one or many at once, with keys that repeat within a batch and across batches."""
    rows = [(bytes([number % 5]), number, number % 3, f"ä[{number}]".encode()) for number in range(1, 40)]
    single, batches = Answers(), Answers()
    for row in rows:
        single.add(*row)
    for first in (0, 3, 4, 20):
        batches.extend(rows[first : {0: 3, 3: 4, 4: 20, 20: 39}[first]])
    assert single == batches
    assert len(single) == 5
    assert single[bytes([2])] == tuple(Paid(n, n % 3, f"ä[{n}]") for n in range(2, 40, 5))
    grown = single.copy()
    grown.add(b"new", 99, 1, b"p")
    grown.add(bytes([2]), 100, 1, b"p")
    assert single == batches
    assert len(grown[bytes([2])]) == len(single[bytes([2])]) + 1
    assert b"new" not in single
    with pytest.raises(KeyError):
        single[b"new"]
