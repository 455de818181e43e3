"""The rows of a journal as SQLite returns them. Each row is checked against the chain of checksums."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ..vocabulary.errors import DiskError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .address import JournalAddress
from .head import JournalPlace
from .history import Row, read_attempts
from .index import Index
from .records import APPLICATION, FORMAT, START, TABLE, Kind, checksum, fresh_sum
from .row_taker import TOGETHER, RowTaker
from .sql import Connection, ServerConnection

MARK, END = b',"finish":"', 160
"""The beginning of the part of an answer's body that tells its tokens, and the bytes of it that are looked at."""
WITH_BODIES = frozenset({Kind.RUN, Kind.END})
"""The kinds of rows whose bodies are part of the index."""
_KINDS = {kind.value.encode(): kind for kind in Kind}
LATER = "SELECT 1 FROM records WHERE number > ? AND run = ? LIMIT 1"
_COLUMNS = "SELECT number, run, kind, key, place, body, sum FROM records"
_ROWS = "SELECT run, kind, key, place, body, sum FROM records WHERE number > ? ORDER BY number"
_NUMBERS = "SELECT number FROM records WHERE number > ? ORDER BY number"
ROW = f"{_COLUMNS} WHERE number = ?"
SUM = "SELECT sum FROM records WHERE number = ?"
_BOTH = f"SELECT ({SUM}), number, run, kind, key, place, body, sum FROM records WHERE number = ?"
PART = "SELECT ifnull(json_extract(body, ?), 'null') FROM records WHERE number = ?"
_NOTES = "SELECT place, body FROM records WHERE run = ? AND kind = ? ORDER BY number"
_KEYS = "SELECT key FROM records WHERE run = ? AND kind = ?"
_WAY_OUT = (
    "No call was made. To begin with an empty journal, move the file away (its answers are then paid for "
    "again), or use another journal with --journal FILE"
)


_WAY_OUT_OF_SERVER = "No call was made. Put back a copy of the database, or use another journal with --journal"


def damaged(path: Path, place: str) -> DiskError:
    if isinstance(path, JournalAddress):
        return DiskError(f"the journal {shown(str(path))} is damaged: {place}. {_WAY_OUT_OF_SERVER}")
    return DiskError(f"the journal {shown(str(path))} is damaged: {place}. {_WAY_OUT}")


def newer(path: Path, found: str) -> DiskError:
    """Return the error for a journal that a later version of flowrun wrote."""
    return DiskError(
        f"the journal {shown(str(path))} was written by a newer version of flowrun: {found}. No call was made. "
        "Update flowrun to read it, or use another journal with --journal FILE"
    )


def format_of(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_form(connection: Connection, path: Path) -> bool:
    """Return True if the file holds a journal, False if it is empty. Raises DiskError if it holds anything else."""
    if isinstance(connection, ServerConnection):
        return connection.holds_rows
    found = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    marked = connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    if not found and not marked:
        return False
    if marked and (number := format_of(connection)) > FORMAT:
        raise newer(path, f"its format is {number}, and this version reads formats up to {FORMAT}")
    if not found:
        raise damaged(path, "its table of rows is missing")
    if found != [(TABLE,)] or not marked:
        raise DiskError(f"{shown(str(path))} is not a journal of this version of flowrun. {_WAY_OUT}")
    return True


def read_through(connection: Connection, path: Path, index: Index) -> JournalPlace:
    """Add all rows to an empty index, and return the mark of the last row. Raises DiskError, sqlite3.Error."""
    return fold(connection, path, index, JournalPlace()) if check_form(connection, path) else JournalPlace()


def fold(connection: Connection, path: Path, index: Index, after: JournalPlace) -> JournalPlace:
    """Add the rows behind a mark to ``index``, and return the mark of the last row.

    Raises: DiskError, which names the place of the damage.
    """
    (last, before), run, known, taker = after, index.latest, 0, RowTaker(index)
    fresh, open_, paid, unanswered, runs = taker.fresh, index.open, taker.paid, index.unanswered, index.runs
    # Most rows are an attempt at a call, or the answer to it. Functions for these would take twice the time, and so
    # would texts in place of bytes. The same bytes lie between the number and the key of nearly all of them.
    intents, answers, pairs = dict[int, bytes](), dict[int, bytes](), taker.pairs_of(run)
    connection.text_factory = bytes
    try:
        for run, kind, key, place, body, found in connection.execute(_ROWS, (last,)):
            number = last + 1
            if run != known:
                known, intents, answers, pairs = run, {}, {}, taker.pairs_of(run)
            heads = intents if kind == b"intent" else answers if kind == b"answer" else {}
            head = heads.get(len(place))
            if head is None:
                head = heads[len(place)] = b" %d %b %d %d\n" % (run, kind, len(key), len(place))
            whole = b"".join((before, b"%d" % number, head, key, place, body))
            digest = fresh_sum()
            digest.update(whole)
            # The head is another one if the place is not ASCII, or the key has another length.
            if digest.digest() != found and found != _sum(before, number, run, kind, key, place, body):
                raise _broken(connection, path, number, kind, place)
            last, before = number, found
            if heads is intents:
                if key in fresh or key in open_:
                    taker.again(number, run, key, place)
                else:
                    fresh[key] = number, run, place, body
                continue
            if heads is answers:
                if run not in runs:
                    raise KeyError(run)
                attempt = fresh.pop(key, None)
                if attempt is None or attempt[1] != run or attempt[2] != place or key in unanswered:
                    taker.settle(attempt, number, run, key, place)
                elif pairs is not None:
                    pairs.append((attempt, number, body[(at := body.rfind(MARK)) : at + END]))
                paid.append((key, number, run, place))
                if len(paid) == TOGETHER:
                    taker.pay()
                continue
            what = _kind_of(path, number, kind)
            taker.pass_on(what, number, run, key)
            index.take(number, run, what, key, place.decode(), json.loads(body) if what in WITH_BODIES else None)
        taker.pass_all_on(run, last)
    except sqlite3.DatabaseError as error:
        raise damaged(path, f"after row {last}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged(path, f"row {last} cannot be read ({type(error).__name__})") from None
    finally:
        connection.text_factory = str
    _check_numbers(connection, path, after, JournalPlace(last, before))
    return JournalPlace(last, before)


def _check_numbers(connection: Connection, path: Path, after: JournalPlace, last: JournalPlace) -> None:
    """Check that the rows behind a mark have the numbers that were counted. Raises DiskError."""
    # The numbers rise, so all of them are right if the last one is. To read each of them would take time.
    if last.rows == after.rows or connection.execute(SUM, (last.rows,)).fetchone() == (last.sum,):
        return
    for wanted, (number,) in enumerate(connection.execute(_NUMBERS, (after.rows,)), after.rows + 1):
        if number != wanted:
            raise damaged(path, f"row {wanted} is missing")


def _kind_of(path: Path, number: int, kind: bytes) -> Kind:
    """Return the kind of a row. Raises DiskError if only a later version of flowrun knows it."""
    if kind not in _KINDS:
        raise newer(path, f"row {number} is of the kind {shown(kind.decode('utf-8', 'replace'))}")
    return _KINDS[kind]


def _sum(before: bytes, number: int, run: int, kind: bytes, key: bytes, place: bytes, body: bytes) -> bytes:
    """Return the checksum of a row, as ``checksum`` does, from the bytes of its texts."""
    letters = len(place.decode("utf-8", "replace"))
    whole = b"%b%d %d %b %d %d\n%b%b%b" % (before, number, run, kind, len(key), letters, key, place, body)
    return blake2b(whole, digest_size=8).digest()


def _broken(connection: Connection, path: Path, number: int, kind: bytes, place: bytes) -> DiskError:
    """Return the error for a row that was found in the place of the row with this number."""
    if connection.execute(SUM, (number,)).fetchone() is None:
        return damaged(path, f"row {number} is missing")
    return differs(path, number, kind.decode("utf-8", "replace"), place.decode("utf-8", "replace"))


def differs(path: Path, number: int, kind: str, place: str) -> DiskError:
    return damaged(path, f"row {number} (`{kind}`, {place or 'of a run'}) differs from the written row")


def read_row(connection: Connection, path: Path, number: int) -> tuple[Any, ...]:
    """Read one row, and check it against the row before it. Raises DiskError if one of the two is damaged."""
    try:
        before, found = _with_sum_before(connection, number)
    except sqlite3.DatabaseError as error:
        raise damaged(path, f"row {number} cannot be read: {error}") from None
    if before is None:
        raise damaged(path, f"row {number - 1} is missing")
    if found is None:
        raise damaged(path, f"row {number} is missing")
    *columns, written = found
    try:
        same = checksum(before, *columns) == written
    except (TypeError, ValueError, AttributeError):
        same = False
    if not same:
        _, _, kind, _, place, _ = columns
        raise differs(path, number, str(kind), str(place))
    return found


def _with_sum_before(connection: Connection, number: int) -> tuple[bytes | None, tuple[Any, ...] | None]:
    """Read a row, and the checksum of the row before it: its body may be large, and nobody needs it here."""
    found: tuple[Any, ...] | None
    if not isinstance(connection, ServerConnection):
        # A resumed run reads a row for each answer, and one statement takes half the time of two.
        found = connection.execute(_BOTH, (number - 1, number)).fetchone()
        if found is not None:
            return (found[0] if number > 1 else START), found[1:]
    before = connection.execute(SUM, (number - 1,)).fetchone() if number > 1 else (START,)
    found = connection.execute(ROW, (number,)).fetchone()
    return (None if before is None else before[0]), found


def read_body(connection: Connection, path: Path, number: int) -> Json:
    """Read and check the body of a row. Raises DiskError."""
    body = read_row(connection, path, number)[5]
    try:
        return json.loads(body)
    except (TypeError, ValueError, RecursionError):
        raise damaged(path, f"row {number} cannot be read") from None


def read_part(connection: Connection, path: Path, number: int, name: str) -> str:
    """Read a record in the body of a row, as JSON text; "null" if it is missing. Raises DiskError."""
    read_row(connection, path, number)
    try:
        found = connection.execute(PART, (f"$.{name}", number)).fetchone()
    except sqlite3.DatabaseError:
        raise damaged(path, f"row {number} cannot be read") from None
    return str(found[0])


NoteRow = tuple[str, Json]
"""The place and the body of a note."""


def notes_of(connection: Connection, path: Path, run: int, kind: Kind) -> Iterator[NoteRow]:
    """Read the notes of one kind of a run, in order. Raises DiskError."""
    try:
        for place, body in connection.execute(_NOTES, (run, kind.value)):
            yield place, json.loads(body)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    except (TypeError, ValueError, RecursionError):
        raise damaged(path, f"a row of the kind `{kind}` cannot be read") from None


def keys_of(connection: Connection, path: Path, run: int, kind: Kind) -> set[bytes]:
    """Read the keys of the rows of one kind of a run. Raises DiskError."""
    try:
        return {key for (key,) in connection.execute(_KEYS, (run, kind.value))}
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


def attempts_of(connection: Connection, path: Path, runs: Collection[int]) -> Iterator[Row]:
    """Read the rows about attempts at calls of these runs, in order. Raises DiskError."""
    try:
        yield from read_attempts(connection, runs)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
