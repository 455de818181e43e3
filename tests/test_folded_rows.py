"""The fold of a journal's rows: the same index as from each row by itself, whatever the rows are."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowrun.dsl import types
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.journal import row_taker, rows
from flowrun.runtime.journal.head import JournalPlace
from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.records import START, TABLE, Columns, Kind, LogRecord, row
from flowrun.runtime.vocabulary.errors import DiskError

HEAD = {"id": "r", "flow": "f", "source": "", "began": 1.0}
AFTER = (Kind.ANSWER, Kind.ANSWER, Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED, Kind.FORGOTTEN, Kind.EXTERN)
PLACES = ("out[1].a", "out[22].a", "out[é].a", "out[\ud800].a", "")


def drawn(dice: random.Random, count: int) -> list[Columns]:
    """Draw the rows of a few runs whose calls are mixed. Some rows fit to no other."""
    made: list[Columns] = []
    begun: list[int] = []
    last = LogRecord(0, Kind.RUN)
    for _ in range(count):
        record = LogRecord(0, Kind.RUN, HEAD)
        if begun and dice.random() < 0.98:
            kind = Kind.INTENT if dice.random() < 0.5 else dice.choice(AFTER)
            key = bytes([dice.randrange(40)]) * dice.choice((16, 16, 16, 3))
            record = LogRecord(dice.choice(begun[-2:]), kind, {"n": dice.randrange(9)}, key, dice.choice(PLACES))
            if kind is not Kind.INTENT and last.key and dice.random() < 0.7:
                record = record._replace(run=last.run, key=last.key, place=last.place)
            last = record
        made.append(row(len(made) + 1, record, made[-1][-1] if made else START))
        if record.kind is Kind.RUN:
            begun.append(made[-1][0])
    return made


def written(path: Path, made: list[Columns]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", made)


def one_by_one(made: list[Columns]) -> Index:
    index = Index()
    for number, run, kind, key, place, body, _ in made:
        index.take(number, run, kind, key, place, json.loads(body))
    return index


def folded(path: Path, index: Index, after: JournalPlace) -> JournalPlace:
    with closing(sqlite3.connect(path)) as connection:
        return rows.fold(connection, path, index, after)


@pytest.mark.parametrize("seed", range(40))
def test_a_fold_is_what_its_rows_are_one_by_one(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, path = random.Random(seed), tmp_path / "journal.db"
    monkeypatch.setattr(rows, "TOGETHER", dice.choice((1, 2, 7, row_taker.TOGETHER)))
    made = drawn(dice, 300)
    cut = dice.randrange(300)
    written(path, made[:cut])
    index = Index()
    mark = folded(path, index, JournalPlace())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", made[cut:])
    assert folded(path, index, mark) == JournalPlace(300, made[-1][-1])
    wanted = one_by_one(made)
    assert index.runs == wanted.runs
    assert dict(index.paid) == dict(wanted.paid)
    assert index.paid.count == wanted.paid.count
    assert index.open == wanted.open
    assert {key: one for key, one in index.unanswered.items() if one} == {
        key: one for key, one in wanted.unanswered.items() if one
    }
    assert index.latest == wanted.latest


@pytest.mark.parametrize("column", ["run", "kind", "key", "place", "body", "sum", "number"])
def test_a_changed_row_is_found_wherever_it_is(column: str, tmp_path: Path) -> None:
    made = drawn(random.Random(7), 60)
    written(tmp_path / "made.db", made)
    for number in range(1, 61):
        path = tmp_path / f"{number}.db"
        shutil.copyfile(tmp_path / "made.db", path)
        form = "BLOB" if column in ("key", "sum") else "TEXT"
        change = {"run": "run + 1", "kind": "'extern'", "number": "number + 1000"}
        text = change.get(column, f"CAST(substr({column} || 'x', 2) AS {form})")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"UPDATE records SET {column} = {text} WHERE number = ?", (number,))
            if connection.execute("SELECT * FROM records ORDER BY number").fetchall() == made:
                continue
        said = f"row {number} is missing" if column == "number" else f"row {number} (`"
        with pytest.raises(DiskError) as refused:
            folded(path, Index(), JournalPlace())
        assert said in str(refused.value)


def test_numbers_that_leave_one_out_are_found(tmp_path: Path) -> None:
    made = drawn(random.Random(8), 60)
    written(tmp_path / "j.db", [(one[0] + (one[0] > 40), *one[1:]) for one in made])
    with pytest.raises(DiskError, match="row 41 is missing"):
        folded(tmp_path / "j.db", Index(), JournalPlace())


def test_an_answer_of_an_unknown_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, [row(1, LogRecord(5, Kind.ANSWER, {}, b"k", "f"), START)])
    with pytest.raises(DiskError, match="row 1 cannot be read"):
        folded(path, Index(), JournalPlace())


def test_rows_that_were_checked_before_have_their_places(tmp_path: Path) -> None:
    path, item = tmp_path / "rows.jsonl", types.Record((types.Field("id", types.INT),))
    lines = [f'{{"id": {number}}}' if number % 5_000 else "" for number in range(30_000)]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    whole, again = RowFile(path, item), RowFile(path, item, checked=True)
    assert (again._starts, again._lines, again.digest) == (whole._starts, whole._lines, whole.digest)
    assert list(again) == [{"id": number} for number in range(30_000) if number % 5_000]
