"""The past of runs with very many calls, added up by SQLite. Python would take seconds for a million rows.

Most calls are settled: each attempt at them ended with an answer whose tokens are known. SQLite adds up the rows of all
calls. Python takes the other calls off these sums, and counts them row by row.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary.tariff import LENGTHS
from ..vocabulary.usage import DETAILS
from .history import ROWS, History, Row, read_attempts
from .records import Kind, encode
from .row_usage import FIELDS
from .rows import damaged
from .sql import Connection, ServerConnection

_BLOCK = 4_000
"""The number of rows that SQLite adds up in one go. Their pages fit into its cache."""
_MOST = 10**9
"""The most tokens of a settled answer, so that no sum exceeds SQLite's integers."""


def _paths(*names: str) -> str:
    """Return the paths of fields of a body, for SQL."""
    return ", ".join(f"'$.{name}'" for name in names)


_KNOWN = "kind = 'answer' AND " + " AND ".join(
    f"json_type(body, '$.{name}') = 'integer' AND json_extract(body, '$.{name}') BETWEEN 0 AND {most}"
    for name, most in (("in", LENGTHS[0]), ("out", _MOST))
)
# The special tokens of a row. Python counts the rows of other tiers, with a doubt, or whose tokens do not add up.
_TOLD = {name: f"ifnull(json_extract(body, '$.{name}'), 0)" for name in DETAILS}
_PLAIN = f"json_extract(body, {_paths(*DETAILS, 'tier', 'doubt', 'whole')}) = '[{', '.join(['null'] * 8)}]'"
_ADDS_UP = " AND ".join(
    (
        *(f"ifnull(json_type(body, '$.{name}'), 'null') IN ('integer', 'null')" for name in _TOLD),
        *(f"{one} >= 0" for one in _TOLD.values()),
        f"{_TOLD['cached']} + {_TOLD['stored']} + {_TOLD['images']} <= json_extract(body, '$.in')",
        f"{_TOLD['long_stored']} <= {_TOLD['stored']} AND {_TOLD['reasoning']} <= json_extract(body, '$.out')",
        *(f"ifnull(json_type(body, '$.{name}'), 'null') = 'null'" for name in ("tier", "doubt", "whole")),
    )
)
_KNOWN += f" AND ({_PLAIN} OR {_ADDS_UP})"
_ENDS = "kind IN ('answer', 'refused', 'doubt', 'cancelled')"
_OF_RUNS = "FROM records WHERE number BETWEEN :first AND :last AND run IN ({runs})"
_ASKED = f"""SELECT min(run), max(run), count(*) FILTER (WHERE kind = 'intent'),
count(*) FILTER (WHERE kind = 'intent' AND substr(body, 1, :length) = :begin AND instr(body, '"of":1,')),
count(*) FILTER (WHERE kind <> 'intent' AND {_ENDS}) {_OF_RUNS} AND kind <> 'answer'"""
_COUNTED = ("in", "out", *DETAILS)
_TOKENS = ", ".join(f"total(json_extract(body, '$.{name}'))" for name in _COUNTED)
# Many answers have the same tokens, and Python reads those of each kind once.
_ANSWERED = f"""SELECT run, json_extract(body, {_paths(*FIELDS)}), json_type(body, '$.error') IS NOT NULL, count(*)
{_OF_RUNS} AND kind = 'answer' GROUP BY 1, 2, 3"""
_SENT = """SELECT json_extract(body, '$.model'), json_extract(body, '$.of'), count(*)
FROM records WHERE number BETWEEN :first AND :last AND run = :run AND kind = 'intent' GROUP BY 1, 2"""
_UNSETTLED = f"SELECT DISTINCT key FROM records WHERE run = ? AND {_ENDS} AND NOT ({_KNOWN})"
_APART = "CREATE TEMP TABLE apart (key BLOB PRIMARY KEY) WITHOUT ROWID"
_ROWS_APART = f"{ROWS} AND run = ? AND key IN apart ORDER BY number"
_ROW_APART = f"{ROWS} AND number = ?"
_BY_MODEL = f"""WITH asked AS MATERIALIZED (SELECT key, min(json_extract(body, '$.model')) AS model FROM records
WHERE run = :run AND kind = 'intent' AND key NOT IN apart GROUP BY key)
SELECT model, count(*), count(json_type(body, '$.error')), {_TOKENS} FROM records JOIN asked USING (key)
WHERE run = :run AND kind = 'answer' GROUP BY model"""


@dataclass(slots=True)
class _Sums:
    """The sums of a run's rows. ``sent`` counts its intents by their model and by the calls of their request.

    ``ends`` counts the ends of attempts. ``known`` counts the answers among them whose tokens are known and have the
    price of short prompts. ``spoilt`` and the tokens are those of these answers; ``tokens`` has one sum a class.
    """

    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    ends: int = 0
    known: int = 0
    spoilt: int = 0
    tokens: list[int] = field(default_factory=lambda: [0] * len(_COUNTED))

    def add(self, told: list[Any], spoilt: int, answers: int) -> None:
        """Add answers with the same usage, which ``told`` has. ``answers`` is negative to take them off."""
        self.ends += answers
        counts = _counts(told)
        if counts:
            self.known += answers
            self.spoilt += answers if spoilt else 0
            self.tokens = [one + answers * more for one, more in zip(self.tokens, counts, strict=True)]

    def take_off(self, row: Row) -> None:
        _, kind, _, _, first, _, third, fourth, fifth = row
        if kind == Kind.INTENT:
            self.sent[str(first), fourth or 1] -= 1
        elif kind == Kind.ANSWER:
            self.add(json.loads(fifth), third, -1)


def _counts(values: list[Any]) -> list[int]:
    """Return the tokens of a settled answer by class; none for an answer that is counted by its row."""
    counts = [0 if one is None else one for one in values[: len(_COUNTED)]]
    if values[0] is None or values[1] is None or any(type(one) is not int or one < 0 for one in counts):
        return []
    read, written, cached, stored, reasoning, images, long_stored = counts
    adds_up = cached + stored + images <= read and long_stored <= stored and reasoning <= written
    plain = all(one is None for one in values[len(_COUNTED) :])
    return counts if plain and adds_up and read <= LENGTHS[0] and written <= _MOST else []


def add_up(connection: Connection, runs: Collection[int]) -> dict[int, History]:
    """Count the past of these runs, as ``History.take`` does row by row. Raises sqlite3.Error."""
    # One transaction, because a run may add rows at the same time.
    connection.execute("BEGIN")
    try:
        connection.execute(_APART)
        return {run: _history(connection, run, sums) for run, sums in _sums_of(connection, runs).items()}
    finally:
        connection.rollback()


def pasts_of(connection: Connection, path: Path, runs: Collection[int]) -> dict[int, History]:
    """Count the past of these runs from a journal. Raises DiskError."""
    if isinstance(connection, ServerConnection):
        pasts = {run: History() for run in runs}
        for row in connection.attempts(runs):
            pasts[row[0]].take(row)
        return pasts
    try:
        return add_up(connection, runs)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


class _Totals:
    """The sums of runs, added up block by block. ``begin`` begins the intents to the model of the last ones."""

    def __init__(self, connection: Connection, runs: Collection[int]) -> None:
        self.of = {run: _Sums() for run in runs}
        self._connection = connection
        self._among = ", ".join(map(str, self.of))
        self._model = ""
        self._begin = "no row begins like this"

    def add(self, first: int, last: int) -> None:
        """Add the rows of these numbers."""
        at = {"first": first, "last": last, "begin": self._begin, "length": len(self._begin)}
        for run, _, intents, usual, ends in self._by_run(_ASKED, at):
            sums = self.of[run]
            sums.ends += ends
            if usual == intents:
                sums.sent[self._model, 1] += intents
                continue
            for model, of, calls in self._connection.execute(_SENT, {**at, "run": run}):
                self._model = str(model)
                sums.sent[self._model, of or 1] += calls
            self._begin = encode({"model": self._model})[:-1] + ","
        for run, told, spoilt, answers in self._connection.execute(_ANSWERED.format(runs=self._among), at):
            self.of[run].add(json.loads(told), spoilt, answers)

    def _by_run(self, query: str, at: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Run a query about a block of rows. Yield a result for each run that has any."""
        query = query.format(runs=self._among)
        found = self._connection.execute(query, at).fetchall()
        if found[0][0] != found[0][1]:
            # SQLite must sort the rows for this, and most blocks have the rows of one run.
            found = self._connection.execute(f"{query} GROUP BY run", at).fetchall()
        yield from (row for row in found if row[0] is not None)


def _sums_of(connection: Connection, runs: Collection[int]) -> dict[int, _Sums]:
    totals = _Totals(connection, runs)
    last = connection.execute("SELECT ifnull(max(number), 0) FROM records").fetchone()[0]
    for first in range(1, last + 1, _BLOCK):
        totals.add(first, first + _BLOCK - 1)
    return totals.of


def _history(connection: Connection, run: int, sums: _Sums) -> History:
    from .survey import open_attempts

    history = History()
    opened = open_attempts(connection, run, sums.sent.total() - sums.ends)
    if 2 * sums.known > sums.ends:
        connection.execute("DELETE FROM apart")
        for row in _rows_apart(connection, run, opened, settled=sums.known == sums.ends):
            sums.take_off(row)
            history.take(row)
        if sums.sent.total() == sums.known:
            _add_settled(connection, run, sums, history)
            return history
        history = History()
    for row in read_attempts(connection, (run,)):
        history.take(row)
    return history


def _rows_apart(connection: Connection, run: int, opened: Mapping[int, bytes], *, settled: bool) -> Iterator[Row]:
    """Read the rows that Python counts. ``opened`` are the attempts without an end.

    ``settled`` says that every other attempt is settled. Then the other rows about the calls of ``opened`` stay in the
    sums, because all attempts at a call count alike.
    """
    if settled:
        for number in sorted(opened):
            yield from connection.execute(_ROW_APART, (number,))
        return
    keys = {*opened.values(), *(key for (key,) in connection.execute(_UNSETTLED, (run,)))}
    connection.executemany("INSERT INTO apart VALUES (?)", [(key,) for key in keys])
    yield from connection.execute(_ROWS_APART, (run,))


def _add_settled(connection: Connection, run: int, sums: _Sums, history: History) -> None:
    left = {sent: calls for sent, calls in sums.sent.items() if calls}
    for (model, of), calls in left.items():
        history.add_sent(model, of, calls)
    models = {model for model, _ in left}
    if len(models) == 1:
        history.add_paid(models.pop(), sums.known, sums.spoilt, *sums.tokens)
    elif models:
        for model, *paid in connection.execute(_BY_MODEL, {"run": run}):
            history.add_paid(str(model), *map(int, paid))
