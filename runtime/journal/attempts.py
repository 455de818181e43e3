"""The rows of a run about its calls, externs and reads, for those who show the run."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from flowrun.dsl import dataclass

from .answers import Answers
from .records import START, Kind, checksum, encode
from .rows import damaged, read_row
from .sql import Connection

_KINDS = {str(kind): str(kind) for kind in Kind}
_LAST = "SELECT max(number) FROM records WHERE run = ?"
_ROWS = """SELECT number, run, kind, key, place, body, sum FROM records
WHERE number BETWEEN ? AND ? ORDER BY number"""
_AT = """SELECT number FROM records WHERE number >= ? AND run = ?
AND place IN (SELECT value FROM json_each(?)) ORDER BY number"""
_PAID = """SELECT key FROM records
WHERE kind IN ('answer', 'forgotten') AND hex(key) IN (SELECT value FROM json_each(?))
GROUP BY key HAVING max(number) FILTER (WHERE kind = 'answer')
> ifnull(max(number) FILTER (WHERE kind = 'forgotten'), 0)"""
_PARTS = """SELECT number FROM records WHERE number BETWEEN ? AND ? AND run = ?
AND (kind IN ('run', 'resumed', 'end', 'read') OR {}) ORDER BY number"""
_UNDER = "place BETWEEN ? AND ? || char(1114111)"
_ELSEWHERE = (
    "SELECT 1 FROM records WHERE number BETWEEN ? AND ? AND run = ? AND key IN ({}) AND place NOT IN ({}) LIMIT 1"
)
_ANSWERS = "SELECT key, number, run, place FROM records WHERE kind = 'answer' AND number < ? ORDER BY number"
_FORGOTTEN = "SELECT key, number FROM records WHERE kind = 'forgotten' AND number < ? ORDER BY number"
_SUM = "SELECT sum FROM records WHERE number = ?"


@dataclass(slots=True)
class RunRow:
    """A row of a run: its number, kind, the key and place of its call, and its body as JSON text.

    A reader of many rows may set the body of a row that it has used to "", to free its memory.
    """

    number: int
    kind: str
    key: bytes
    place: str
    body: str


def last_row(connection: Connection, path: Path, run: int) -> int:
    """Return the number of the last row of a run. Raises DiskError."""
    try:
        found: int = connection.execute(_LAST, (run,)).fetchone()[0]
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    return found


def run_rows(connection: Connection, path: Path, run: int, last: int) -> Iterator[RunRow]:
    """Read and check the rows of a run in order, up to the row ``last``. Raises DiskError."""
    number = run
    try:
        found = connection.execute(_SUM, (run - 1,)).fetchone()
        before = START if found is None else found[0]
        for number, owner, kind, key, place, body, written in connection.execute(_ROWS, (run, last)):
            if checksum(before, number, owner, kind, key, place, body) != written:
                raise damaged(path, f"row {number} (`{kind}`, {place or 'of a run'}) differs from the written row")
            before = written
            if owner == run:
                yield RunRow(number, _KINDS.get(kind, kind), key, place, body)
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise damaged(path, f"row {number} cannot be read ({type(error).__name__})") from None


def rows_at(connection: Connection, path: Path, run: int, places: Collection[str]) -> list[RunRow]:
    """Read and check the rows of a run about the calls at these places, in order. Raises DiskError."""
    try:
        numbers = [number for (number,) in connection.execute(_AT, (run, run, encode(list(places))))]
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    return _rows(connection, path, numbers)


def paid_keys(connection: Connection, path: Path, keys: Iterable[bytes]) -> set[bytes]:
    """Return those of the keys that have an answer which was not forgotten. Raises DiskError."""
    try:
        found = connection.execute(_PAID, (encode([key.hex().upper() for key in keys]),))
        return {key for (key,) in found}
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


def rows_under(connection: Connection, path: Path, run: int, places: Collection[str], most: int) -> list[RunRow] | None:
    """Read and check the rows of a run that begin a place with one of these texts, and the heads and reads of the run.

    None if there are more than ``most``. Raises DiskError.
    """
    last = last_row(connection, path, run)
    under = " OR ".join([_UNDER] * len(places))
    try:
        texts = [one for place in places for one in (place, place)]
        found = connection.execute(_PARTS.format(under), (run, last, run, *texts))
        numbers = [number for (number,) in found.fetchmany(most + 1)]
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    return None if len(numbers) > most else _rows(connection, path, numbers)


def _rows(connection: Connection, path: Path, numbers: Iterable[int]) -> list[RunRow]:
    rows = (read_row(connection, path, number) for number in numbers)
    return [RunRow(number, _KINDS.get(kind, kind), key, at, body) for number, _, kind, key, at, body, _ in rows]


def has_elsewhere(connection: Connection, path: Path, rows: Sequence[RunRow], run: int) -> bool:
    """Tell whether a run asked a question of these rows at another place too. Raises DiskError."""
    keys, places = {row.key for row in rows if row.key}, {row.place for row in rows}
    query = _ELSEWHERE.format(", ".join("?" * len(keys)), ", ".join("?" * len(places)))
    last = last_row(connection, path, run)
    try:
        return connection.execute(query, (run, last, run, *keys, *places)).fetchone() is not None
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


def answers_before(connection: Connection, path: Path, number: int) -> Answers:
    """Collect the answers before a row, without those that were forgotten by then. Raises DiskError."""
    answers = Answers()
    try:
        rows = connection.execute(_ANSWERS, (number,))
        answers.extend([(key, row, run, place.encode()) for key, row, run, place in rows])
        for key, row in connection.execute(_FORGOTTEN, (number,)):
            answers.forget(key, row)
        return answers
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
