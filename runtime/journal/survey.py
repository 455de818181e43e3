"""The reading of a large journal for the commands that need little of it.

SQLite counts and selects the rows, because Python would take seconds for a million of them. A row whose content is used
is checked like every row of a full reading. Damage in other rows stays unseen here; a run refuses it.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from flowrun.dsl import dataclass

from .head import JournalPlace
from .index import Index
from .records import NOTES, OF_CALLS, Kind
from .rows import WITH_BODIES, check_form, damaged, fold, read_row
from .sql import Connection

_HEADS = "('run', 'given', 'resumed', 'end', 'content')"
_BLOCK = 4_000
"""The number of rows that SQLite looks at in one go. Their pages fit into its cache, so it reads them only once."""
_FIND_HEADS = (
    f"SELECT number, run, kind, key FROM records WHERE number > ? AND number <= ? AND kind IN {_HEADS} ORDER BY number"
)
_BETWEEN = "FROM records WHERE number > ? AND number < ?"
_COUNTS = f"""count(*), count(*) FILTER (WHERE kind IN {OF_CALLS}), count(*) FILTER (WHERE kind IN {NOTES}),
count(*) FILTER (WHERE kind = 'answer'), count(*) FILTER (WHERE kind = 'intent')"""
_COUNT = f"SELECT count(*) FILTER (WHERE run = ?), {_COUNTS} {_BETWEEN}"
_COUNT_BY_RUN = f"SELECT run, {_COUNTS} {_BETWEEN} GROUP BY run"
_UNSETTLED = "SELECT DISTINCT key FROM records WHERE kind IN ('doubt', 'cancelled')"
_BACKWARDS = f"SELECT number, kind, key, place FROM records WHERE run = ? AND kind IN {OF_CALLS} ORDER BY number DESC"
_WANTED = "CREATE TEMP TABLE wanted (key BLOB PRIMARY KEY) WITHOUT ROWID"
_ABOUT_WANTED = f"""SELECT number, run, kind, key, place FROM records
WHERE kind IN {OF_CALLS} AND key IN (SELECT key FROM wanted) ORDER BY number"""
_ANSWERS = "SELECT key, number, run, place FROM records WHERE kind = 'answer' ORDER BY number"
FORGOTTEN = "SELECT key, number FROM records WHERE kind = 'forgotten' ORDER BY number"
_AT_ONCE = 10_000


def read_runs(connection: Connection, path: Path, index: Index) -> JournalPlace:
    """Add the runs to an empty index, with the number of their answers and their calls in doubt.

    Of the answers, only those to calls with a doubtful attempt are added. Raises DiskError, sqlite3.Error.
    """
    return _read(connection, path, lambda last: _add_runs(connection, path, index, last))


def read_answers(connection: Connection, path: Path, index: Index) -> JournalPlace:
    """Add the answers to an empty index, and nothing else. Raises DiskError, sqlite3.Error."""
    return _read(connection, path, lambda last: _add_answers(connection, index))


def _read(connection: Connection, path: Path, add: Callable[[JournalPlace], None]) -> JournalPlace:
    """Read a journal in one transaction, because a run may add rows at the same time."""
    connection.execute("BEGIN")
    last = JournalPlace()
    try:
        if not check_form(connection, path):
            return last
        found = connection.execute("SELECT max(number) FROM records").fetchone()[0]
        if found is not None:
            last = JournalPlace(found, read_row(connection, path, found)[-1])
            add(last)
        return last
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # The full reading names the place.
        fold(connection, path, Index(), JournalPlace())
        raise damaged(path, f"its rows do not fit together ({type(error).__name__})") from None
    finally:
        connection.rollback()


@dataclass(slots=True)
class _Calls:
    """The rows of a run about its calls, and its notes."""

    rows: int = 0
    notes: int = 0
    answers: int = 0
    intents: int = 0

    def add(self, rows: int, notes: int, answers: int, intents: int) -> None:
        self.rows += rows
        self.notes += notes
        self.answers += answers
        self.intents += intents

    @property
    def open(self) -> int:
        """The number of attempts without an end."""
        return 2 * self.intents - self.rows

    @property
    def settled(self) -> bool:
        """True if each attempt ended with an answer."""
        return self.rows == 2 * self.answers == 2 * self.intents


def _add_runs(connection: Connection, path: Path, index: Index, last: JournalPlace) -> None:
    counted: dict[int, _Calls] = {}
    seen = latest = 0
    for first in range(0, last.rows, _BLOCK):
        end = min(first + _BLOCK, last.rows)
        heads = connection.execute(_FIND_HEADS, (first, end)).fetchall()
        for number, run, kind, key in heads:
            # The other heads may hold all rows of a large input.
            body = json.loads(read_row(connection, path, number)[5]) if kind in WITH_BODIES else None
            index.take(number, run, kind, key, "", body)
        seen += len(heads)
        ends = [(first, latest), *((number, run) for number, run, *_ in heads), (end + 1, latest)]
        for (after, run), (before, _) in pairwise(ends):
            if before > after + 1:
                _count(connection, run, (after, before), counted)
        latest = ends[-2][1]
    if seen + sum(calls.rows + calls.notes for calls in counted.values()) != last.rows:
        raise ValueError("rows are missing, or their kind is not known")
    unsettled = {run: calls for run, calls in counted.items() if not calls.settled}
    if unsettled:
        _add_doubts(connection, index, unsettled)
    for run, calls in counted.items():
        if run not in index.runs and not calls.rows:
            # An earlier version of flowrun wrote ids of submissions that it found under the number of no run.
            continue
        index.runs[run].answers = calls.answers


def _count(connection: Connection, run: int, between: tuple[int, int], counted: dict[int, _Calls]) -> None:
    """Count the rows between two rows, by run. If all are of one run, SQLite need not sort them.

    ``run`` is the run that most of them probably belong to.
    """
    own, whole, *counts = connection.execute(_COUNT, (run, *between)).fetchone()
    if own == whole:
        counted.setdefault(run, _Calls()).add(*counts)
    elif whole:
        for other, _, *counts in connection.execute(_COUNT_BY_RUN, between):
            counted.setdefault(other, _Calls()).add(*counts)


def _add_doubts(connection: Connection, index: Index, unsettled: dict[int, _Calls]) -> None:
    """Add all attempts at the calls that have an attempt without an end, or with an end that leaves a doubt."""
    keys = {key for (key,) in connection.execute(_UNSETTLED)}
    for run, calls in unsettled.items():
        keys.update(open_attempts(connection, run, calls.open).values())
    connection.execute(_WANTED)
    connection.executemany("INSERT INTO wanted VALUES (?)", [(key,) for key in keys])
    for number, run, kind, key, place in connection.execute(_ABOUT_WANTED):
        index.take(number, run, kind, key, place, None)


def open_attempts(connection: Connection, run: int, count: int) -> dict[int, bytes]:
    """Find a run's attempts without an end, by the numbers of their rows, with their keys.

    There are ``count`` of them, mostly among its last rows.
    """
    found: dict[int, bytes] = {}
    ended = Counter[tuple[bytes, str]]()
    for number, kind, key, place in connection.execute(_BACKWARDS, (run,)):
        if count <= 0:
            break
        if kind != Kind.INTENT:
            ended[key, place] += 1
        elif ended[key, place]:
            ended[key, place] -= 1
        else:
            found[number] = key
            count -= 1
    return found


def _add_answers(connection: Connection, index: Index) -> None:
    connection.text_factory = bytes
    try:
        rows = connection.execute(_ANSWERS)
        while some := rows.fetchmany(_AT_ONCE):
            index.paid.extend(some)
        for key, number in connection.execute(FORGOTTEN).fetchall():
            index.paid.forget(key, number)
    finally:
        connection.text_factory = str
