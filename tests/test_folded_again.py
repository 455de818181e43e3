"""The fold of a journal whose calls are asked again: after doubts, at other places, in other runs, and when paid."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal import row_taker, rows
from flowrun.runtime.journal.head import JournalPlace
from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.records import START, TABLE, Columns, Kind, LogRecord, row

HEAD = {"id": "r", "flow": "f", "source": "", "began": 1.0}
KEY, PLACE = b"k" * 16, "out[1].a"
ENDS = (Kind.ANSWER, Kind.ANSWER, Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED)


def rows_of(records: list[LogRecord]) -> list[Columns]:
    made: list[Columns] = []
    for one in records:
        made.append(row(len(made) + 1, one, made[-1][-1] if made else START))
    return made


def facts(index: Index) -> Any:
    """Return the content of an index. A key without attempts is none, and doubts have no order."""
    unanswered = {key: one for key, one in index.unanswered.items() if one}
    doubts = {run: sorted(found) for run, found in index.doubts().items()}
    return index.runs, dict(index.paid), index.open, unanswered, index.latest, doubts


def both(path: Path, made: list[Columns], cut: int = 0) -> tuple[Index, Index]:
    """Fold rows from a file in two parts, and take them one by one."""
    folded, taken, mark = Index(), Index(), JournalPlace()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE)
        for part in (made[:cut], made[cut:]):
            connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", part)
            mark = rows.fold(connection, path, folded, mark)
    for number, run, kind, key, place, body, _ in made:
        taken.take(number, run, kind, key, place, json.loads(body))
    return folded, taken


@pytest.mark.parametrize("end", [Kind.DOUBT, Kind.CANCELLED])
@pytest.mark.parametrize("place", [PLACE, "out[2].a", "out[é].a"])
def test_an_answer_settles_the_doubt_that_an_earlier_attempt_left(end: Kind, place: str, tmp_path: Path) -> None:
    begun = LogRecord(0, Kind.RUN, HEAD)
    records = [begun, *(LogRecord(1, kind, {}, KEY, PLACE) for kind in (Kind.INTENT, end))]
    records += [LogRecord(1, kind, {}, KEY, place) for kind in (Kind.INTENT, Kind.ANSWER)]
    # The answer is forgotten later on, and with it nothing may be left in doubt that it has settled.
    records.append(LogRecord(1, Kind.FORGOTTEN, {}, KEY))
    for cut in range(len(records)):
        folded, taken = both(tmp_path / f"{cut}.db", rows_of(records), cut)
        assert facts(folded) == facts(taken)
        assert bool(folded.doubts()) is (place != PLACE and end is Kind.DOUBT)


def drawn(dice: random.Random, count: int) -> list[LogRecord]:
    """Draw attempts at a few calls of three runs. Most have an end, and many are made again after it.

    Some ends have no attempt.
    """
    records = [LogRecord(0, Kind.RUN, HEAD)] * 3
    calls = [
        (dice.randint(1, 3), bytes([dice.randrange(4)]) * 16, dice.choice((PLACE, "out[2].a", "out[é].a")))
        for _ in range(dice.choice((4, 8)))
    ]
    open_: list[tuple[int, bytes, str]] = []
    while len(records) < count:
        if dice.random() < 0.1:
            run, key, place = dice.choice(calls)
            kind = dice.choice(ENDS)
        elif open_ and dice.random() < 0.5:
            run, key, place = open_.pop(dice.randrange(len(open_)))
            kind = dice.choice(ENDS)
        else:
            run, key, place = dice.choice(calls)
            kind = Kind.INTENT
            open_.append((run, key, place))
        records.append(LogRecord(run, kind, {"n": 1}, key, place))
        if dice.random() < 0.03:
            records.append(LogRecord(run, Kind.FORGOTTEN, {}, key))
    return records


@pytest.mark.parametrize("seed", range(30))
def test_calls_that_are_asked_again_fold_as_they_are_one_by_one(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    monkeypatch.setattr(rows, "TOGETHER", dice.choice((1, 2, 7, row_taker.TOGETHER)))
    made = rows_of(drawn(dice, 150))
    folded, taken = both(tmp_path / "journal.db", made, dice.randrange(150))
    assert facts(folded) == facts(taken)
    assert folded.paid.count == taken.paid.count
