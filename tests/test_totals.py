"""The past of a run as SQLite adds it up: the same figures as a count row by row."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal import totals
from flowrun.runtime.journal.history import History, read_attempts
from flowrun.runtime.journal.reading import open_to_read
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary.usage import DETAILS
from support.random_rows import write

MODELS = ("openai:a", 'odd:"of":1,', "local:ä")


def special(dice: random.Random, trouble: float) -> dict[str, Any]:
    """Draw the further fields of a usage. Some of them do not add up, or have a price of their own."""
    names = [name for name in DETAILS if dice.random() < 0.3]
    drawn: dict[str, Any] = {name: dice.choice((0, 1, 2, None)) for name in names}
    if dice.random() < trouble / 3:
        other = {"tier": "flex", "doubt": "few", "whole": 40_000, "cached": True, "stored": "1", "images": 1.0}
        drawn |= [dice.choice(list(other.items()))]
    return drawn


def run_of(dice: random.Random, run: int, calls: int, models: tuple[str, ...], trouble: float) -> Iterator[LogRecord]:
    """Yield the rows of a run. The share ``trouble`` of its attempts does not end with a plain answer."""
    for number in range(calls):
        key = bytes([run, number % 256, number // 256, dice.random() < 0.02])
        call = key, f"out[{number}].answer"
        intent = {
            "model": models[number % len(models)],
            "bytes": number,
            "of": (of := dice.choice((1, 1, 2))),
            "most": 70,
        }
        if of == 1 and dice.random() < 0.1:
            del intent["of"]
        for _ in range(dice.choice((1, 1, 1, 2))):
            yield LogRecord(run, Kind.INTENT, intent, *call)
            usage: dict[str, Any] = {"in": dice.randrange(9), "out": dice.randrange(9), **special(dice, trouble)}
            if dice.random() >= trouble:
                yield LogRecord(run, Kind.ANSWER, {"text": "x", **usage}, *call)
                continue
            usage[dice.choice(("in", "out"))] = dice.choice((None, "5", True, 1.5, -3, 10**30, 2**62, [1]))
            yield from dice.choice(
                (
                    [],
                    [LogRecord(run, Kind.DOUBT, {}, *call)],
                    [LogRecord(run, Kind.DOUBT, {}, *call), LogRecord(run, Kind.ANSWER, {"in": 2, "out": 3}, *call)],
                    [LogRecord(run, Kind.CANCELLED, {}, *call)],
                    [LogRecord(run, Kind.REFUSED, {"said": "429", "of": of}, *call)],
                    [LogRecord(run, Kind.REFUSED, {"said": "not sent", "of": of}, *call)],
                    [LogRecord(run, Kind.ANSWER, {"error": "cut", **usage}, *call)],
                    [LogRecord(run, Kind.ANSWER, {"error": "cut", "in": 4, "out": 5}, *call)],
                    [LogRecord(run, Kind.ANSWER, usage, *call)],
                )
            )


def begun(name: str) -> LogRecord:
    return LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": 1.0})


def row_by_row(connection: sqlite3.Connection, run: int) -> History:
    found = History()
    for row in read_attempts(connection, (run,)):
        found.take(row)
    return found


@pytest.mark.parametrize("block", [1, 13, 4_000])
@pytest.mark.parametrize("trouble", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("models", [MODELS[:1], MODELS])
def test_the_sums_are_those_of_a_count_row_by_row(
    models: tuple[str, ...], trouble: float, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "_BLOCK", block)
    path = tmp_path / "journal.db"
    dice = random.Random(f"{models}{trouble}")
    first, second = list(run_of(dice, 1, 150, models, trouble)), list(run_of(dice, 2, 90, models, trouble))
    mixed = [row for pair in zip(first[60:], second, strict=False) for row in pair]
    rest = [*first[60 + len(second) :], *second[len(first) - 60 :]]
    write(path, [begun("r1"), begun("r2"), *first[:60], *mixed, *rest])
    with closing(open_to_read(path)) as connection:
        for runs in ((1,), (2,), (1, 2)):
            found = totals.add_up(connection, runs)
            assert list(found) == list(runs)
            for run, past in found.items():
                assert past.account == row_by_row(connection, run).account
                assert past.within("") == row_by_row(connection, run).within("")
        assert row_by_row(connection, 1).account.sent >= 150
        assert not connection.in_transaction


def rows_of_a_killed_run(path: Path, answers: int) -> int:
    """Write a run with so many answers, a refusal and an open call. Count the rows that Python gets for its past."""
    rows = [begun("r1")]
    for number in range(answers + 1):
        call = number.to_bytes(16, "big"), f"out[{number}]"
        rows.append(LogRecord(1, Kind.INTENT, {"model": "m", "bytes": 3, "of": 1, "most": 9}, *call))
        if number:
            rows.append(LogRecord(1, Kind.ANSWER, {"text": "x", "in": 1, "out": 1}, *call))
    rows[2:2] = [rows[2], LogRecord(1, Kind.REFUSED, {"said": "429", "of": 1}, rows[2].key, rows[2].place)]
    write(path, [rows[0], *rows[2:], rows[1]])
    count = 0

    def counted(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal count
        count += 1
        return row

    with closing(open_to_read(path)) as connection:
        connection.row_factory = counted
        account = totals.add_up(connection, (1,))[1].account
    assert (account.sent, account.answered, account.refused, account.broken_off) == (answers + 2, answers, 1, 1)
    assert account.models["m"].unbilled.read == 9
    return count


def test_the_past_of_a_killed_run_takes_few_rows_however_many_answers_it_has(tmp_path: Path) -> None:
    few, many = rows_of_a_killed_run(tmp_path / "few.db", 10), rows_of_a_killed_run(tmp_path / "many.db", 5_000)
    # SQLite hands over two rows of sums for each block of rows.
    assert many <= few + 6


def test_a_past_forgets_the_calls_that_are_over() -> None:
    past, usage = History(), json.dumps([1, 1, *[None] * 8])
    for number in range(1000):
        past.take((1, Kind.INTENT, b"%d" % number, "a", "m", 70, None, 1, "[null,null]"))
        past.take((1, Kind.ANSWER, b"%d" % number, "a", None, None, 0, None, usage))
    assert past.account.answered == 1000
    assert not past._asked
