"""The past of a run from sums that the fold of its journal takes: the same figures as a count row by row."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal import row_taker, rows
from flowrun.runtime.journal.bought_past import bought_past
from flowrun.runtime.journal.head import JournalPlace
from flowrun.runtime.journal.history import History, read_attempts
from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.records import START, TABLE, Columns, Kind, LogRecord, row
from flowrun.runtime.vocabulary.account import Account, Unbilled

HEAD = {"id": "r", "flow": "f", "source": "", "began": 1.0}
MODELS = ("openai:a", 'odd:"of":1,', "local:ä", 'x","bytes":9')
ENDS = (Kind.REFUSED, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED)
ODD: tuple[dict[str, Any], ...] = (
    {"in": None}, {"out": "5"}, {"in": True}, {"out": 1.5}, {"in": -3}, {"out": 10**30}, {"in": 40_000}, {"in": [1]},
    {"tier": "flex"}, {"doubt": "few"}, {"whole": 40_000}, {"cached": 7, "in": 5}, {"stored": 1, "long_stored": 2},
    {"reasoning": 9, "out": 3}, {"cached": True}, {"images": 1.0}, {"said": "x"}, {"final": True}, {"stored": None},
)  # fmt: skip


def asked(dice: random.Random, models: tuple[str, ...]) -> dict[str, Any]:
    body = {"model": dice.choice(models), "bytes": dice.randrange(99), "max": None, "key": "k", "of": 1, "most": 70}
    if dice.random() < 0.1:
        body["of"] = dice.choice((2, 3, None, 0))
    if dice.random() < 0.05:
        del body["of"]
    if dice.random() < 0.05:
        body |= {"tier": "batch", "stores": dice.choice(("", "long"))}
    return body | {"at": 5, "waited": {"width": 3}}


def answer(dice: random.Random, trouble: float) -> dict[str, Any]:
    text = dice.choice(("yes", "x" * 500, ',"finish":"stop","in":1,"out":1,"from":2', "", '{"in":3}'))
    told: dict[str, Any] = {"in": dice.randrange(9), "out": dice.randrange(9)}
    if dice.random() < trouble:
        return {"text": text, "error": "cut", **told, "finish": "length", "from": 1, "to": 2}
    if dice.random() < trouble:
        told |= dice.choice(ODD)
    elif dice.random() < 0.3:
        told |= {"cached": told["in"] // 2, "reasoning": told["out"]}
    more = {"more": {"a": "y" * dice.choice((3, 400)), "finish": "stop"}} if dice.random() < trouble else {}
    rest = {"id": "chat-7", "cost": 0.5} if dice.random() < 0.5 else {}
    return {"text": text, "finish": "stop", **told, **rest, **more, "from": 1, "to": 2}


def drawn(dice: random.Random, count: int, trouble: float) -> Iterator[LogRecord]:
    """Draw the rows of three runs. Most calls have one attempt and its answer, and the others anything."""
    models, keys = MODELS[: dice.choice((1, 4))], 3 if trouble == 1 else count
    open_: list[LogRecord] = []
    for _ in range(3):
        yield LogRecord(0, Kind.RUN, HEAD)
    for _ in range(count):
        if open_ and dice.random() < 0.6:
            one = open_.pop(dice.randrange(len(open_)))
            kind = dice.choice(ENDS) if dice.random() < trouble else Kind.ANSWER
        elif dice.random() < trouble / 4:
            # An end without an attempt, or of another run.
            kind = dice.choice((*ENDS, Kind.ANSWER, Kind.ANSWER, Kind.FORGOTTEN))
            one = LogRecord(dice.randint(1, 3), kind, {}, b"%d" % dice.randrange(keys), "out[1].a")
        else:
            place = dice.choice(("out[1].a", "out[2].a", "out[é].a"))
            one = LogRecord(dice.randint(1, 3), Kind.INTENT, asked(dice, models), b"%d" % dice.randrange(keys), place)
            yield one
            open_.append(one)
            continue
        body = {Kind.ANSWER: answer(dice, trouble), Kind.REFUSED: {"said": dice.choice(("429", "not sent")), "of": 2}}
        yield one._replace(kind=kind, body=body.get(kind, {}))
        if dice.random() < trouble / 4:
            yield one._replace(kind=kind, body=body.get(kind, {}))


def rows_of(records: Iterator[LogRecord]) -> list[Columns]:
    made: list[Columns] = []
    for one in records:
        made.append(row(len(made) + 1, one, made[-1][-1] if made else START))
    return made


def counted(connection: sqlite3.Connection, run: int) -> Account:
    found = History()
    for one in read_attempts(connection, (run,)):
        found.take(one)
    return plain(found.account)


def plain(account: Account) -> Account:
    """Return an account without entries that count nothing."""
    for model, use in [*account.models.items()]:
        use.unbilled.apart = {kind: one for kind, one in use.unbilled.apart.items() if one != Unbilled()}
        use.lots = {lot: tokens for lot, tokens in use.lots.items() if any(tokens)}
        assert use.sent or use.unbilled == Unbilled(), model
    return account


def folded(path: Path, made: list[Columns]) -> tuple[sqlite3.Connection, Index]:
    connection, index = sqlite3.connect(path), Index.empty(past=True)
    connection.execute(TABLE)
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", made)
    rows.fold(connection, path, index, JournalPlace())
    return connection, index


@pytest.mark.parametrize("trouble", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(12))
def test_the_past_is_that_of_a_count_row_by_row(
    seed: int, trouble: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, path = random.Random(f"{seed}{trouble}"), tmp_path / "journal.db"
    monkeypatch.setattr(rows, "TOGETHER", dice.choice((1, 2, 7, row_taker.TOGETHER)))
    connection, index = folded(path, rows_of(drawn(dice, 400, trouble)))
    with closing(connection):
        assert index.bought is not None
        for run in (1, 2, 3):
            found = bought_past(connection, path, index.bought, run)
            assert found is not None
            assert plain(found.account) == counted(connection, run)
            assert found.account.sent > 15
            assert found.within("")[0] == found.account.sent - found.account.refused


def test_only_attempts_without_a_plain_answer_are_counted_one_by_one(tmp_path: Path) -> None:
    connection, index = folded(tmp_path / "j.db", rows_of(drawn(random.Random(4), 400, 0.0)))
    with closing(connection):
        assert index.bought is not None
        apart = [number for one in index.bought.of.values() for number in one.apart]
        # Some attempts are open at the end, and a few say how many calls their request had in no number.
        assert len(apart) < 60
        answered = sum(paid[0] for one in index.bought.of.values() for paid in one.paid.values())
        assert answered > 100


def test_a_run_that_went_on_since_is_not_told_from_old_sums(tmp_path: Path) -> None:
    made = rows_of(drawn(random.Random(4), 100, 0.1))
    connection, index = folded(tmp_path / "j.db", made)
    with closing(connection):
        assert index.bought is not None
        one = row(made[-1][0] + 1, LogRecord(2, Kind.INTENT, {"model": "m"}, b"new", "out"), made[-1][-1])
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", one)
        assert bought_past(connection, tmp_path, index.bought, 1) is not None
        assert bought_past(connection, tmp_path, index.bought, 2) is None
        assert index.grown().bought is None
