"""The search for entries that are in a journal already, though the process that wrote them died before it said so.

The journal itself tells. An entry goes into one transaction, its rows follow one another, and the rows of a run come
from one process. So an entry is there if its rows stand behind the last row that its process knew of.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence

from .records import JUST_BEGUN, Encoded, Kind, LogRecord, encode

_COLUMNS = "SELECT number, run, kind, key, place, body FROM records WHERE number > ?"
_ALL = f"{_COLUMNS} ORDER BY number"
_OF_RUN = f"{_COLUMNS} AND run = ? ORDER BY number"

_Row = tuple[int, str, bytes, str, str]
"""The run of a row, or 0 if it begins one; its kind, key, place and body."""


def found_rows(connection: sqlite3.Connection, after: int, entries: Sequence[Sequence[LogRecord]]) -> list[int]:
    """Return for each entry, in order, the number of its first row behind the row ``after``; 0 if it is not there.

    Contents do not count, because a journal leaves out those that it has. Raises sqlite3.Error.
    """
    wanted = [[one for one in entry if one.kind is not Kind.CONTENT] for entry in entries]
    if not any(wanted):
        return [0] * len(entries)
    numbers, rows = _rows_after(connection, after, wanted)
    places: dict[_Row, list[int]] = {}
    for at, row in enumerate(rows):
        places.setdefault(row, []).append(at)
    found, next_ = [], 0
    for entry in wanted:
        at = _at(entry, rows, places, next_) if entry else -1
        found.append(numbers[at] if at >= 0 else 0)
        next_ = at + len(entry) if at >= 0 else next_
    return found


def _rows_after(
    connection: sqlite3.Connection, after: int, wanted: Sequence[Sequence[LogRecord]]
) -> tuple[list[int], list[_Row]]:
    """Read the rows behind a row that these entries may be."""
    runs = {one.run for entry in wanted for one in entry}
    # A process mostly has one run. An entry that begins a run does not know its number.
    [only] = runs if len(runs) == 1 and not runs & {0, JUST_BEGUN} else [0]
    rows = connection.execute(_OF_RUN, (after, only)) if only else connection.execute(_ALL, (after,))
    numbers, found = list[int](), list[_Row]()
    for number, run, kind, key, place, body in rows:
        if kind != Kind.CONTENT:
            numbers.append(number)
            found.append((0 if kind == Kind.RUN else run, kind, key, place, body))
    return numbers, found


def _at(entry: Sequence[LogRecord], rows: Sequence[_Row], places: dict[_Row, list[int]], first: int) -> int:
    """Return the place of an entry among the rows from ``first`` on; -1 if it is not there."""
    begins = places.get(_row(entry[0]), [])
    for at in begins[bisect_left(begins, first) :]:
        held = rows[at : at + len(entry)]
        if len(held) == len(entry) and all(_same(one, row) for one, row in zip(entry, held, strict=True)):
            return at
    return -1


def _same(record: LogRecord, row: _Row) -> bool:
    run, *rest = _row(record)
    return rest == list(row[1:]) and run in (row[0], JUST_BEGUN)


def _row(record: LogRecord) -> _Row:
    run, kind, body, key, place = record
    text = str(body) if type(body) is Encoded else encode(body)
    return run, str(kind), key, place.encode("utf-8", "replace").decode(), text
