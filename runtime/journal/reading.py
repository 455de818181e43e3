"""Reads a journal row by row, and holds each one to the chain of checksums."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from ..errors import DiskError
from ..files import shown
from .history import Row, read_attempts
from .index import Index
from .records import APPLICATION, START, TABLE, Kind, checksum

Json = Any
Connect = Callable[..., sqlite3.Connection]
_WITH_BODIES = frozenset({Kind.RUN, Kind.END})
_ROWS = "SELECT number, run, kind, key, place, body, sum FROM records ORDER BY number"
_WAY_OUT = (
    "Nothing was asked. To begin anew, move the file away: what it holds is then paid for again; "
    "or keep this run in another one with --journal FILE"
)


def damaged(path: Path, place: str) -> DiskError:
    return DiskError(f"the journal {shown(str(path))} is damaged: {place}. {_WAY_OUT}")


def check_owner(path: Path) -> None:
    """Raises DiskError where the file is not the user's own, or no file: what is in a journal counts as an answer."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DiskError(f"the journal {shown(str(path))} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise DiskError(f"the journal {shown(str(path))} is no file")
    if hasattr(os, "geteuid") and os.geteuid() not in (0, found.st_uid):
        raise DiskError(
            f"the journal {shown(str(path))} belongs to somebody else; keep one of your own (--journal FILE)"
        )


def check_form(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a journal yet. Raises DiskError where it holds anything else, be it one thing more."""
    found = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    if not found:
        return False
    if found != [(TABLE,)] or connection.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise DiskError(f"{shown(str(path))} is no journal of this version of flowrun. {_WAY_OUT}")
    return True


def fold(connection: sqlite3.Connection, path: Path) -> tuple[Index, int, bytes]:
    """All rows, folded; the number and the checksum of the last one. Raises DiskError with the place of a damage."""
    index, last, before = Index(), 0, START
    try:
        for number, run, kind, key, place, body, found in connection.execute(_ROWS):
            if number != last + 1:
                raise damaged(path, f"row {last + 1} is missing")
            before = checksum(before, number, run, kind, key, place, body)
            if before != found:
                raise damaged(path, f"row {number} (`{kind}`, {place or 'of a run'}) is not what was written")
            last = number
            index.take(number, run, kind, key, place, json.loads(body) if kind in _WITH_BODIES else None)
    except sqlite3.DatabaseError as error:
        raise damaged(path, f"behind row {last}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged(path, f"row {last} cannot be read ({type(error).__name__})") from None
    return index, last, before


def open_to_read(path: Path, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """A connection that changes nothing. Raises sqlite3.Error."""
    return connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True, timeout=1.0)


def _open_mended(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, to a file that SQLite has put in order where a kill left it half made."""
    connection = open_to_read(path)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        mending = sqlite3.connect(path, timeout=1.0)
        try:
            mending.execute("SELECT 1 FROM sqlite_master").fetchone()
        finally:
            mending.close()
        connection = open_to_read(path)
    return connection


class JournalReader:
    """A journal that is only looked at, as it is at this moment; an empty one where there is none.

    Raises DiskError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = Index()
        self._connection: sqlite3.Connection | None = None
        if not path.exists():
            return
        check_owner(path)
        try:
            self._connection = _open_mended(path)
            if check_form(self._connection, path):
                self.index = fold(self._connection, path)[0]
        except sqlite3.Error as error:
            self.close()
            raise damaged(path, str(error)) from None
        except BaseException:
            self.close()
            raise

    def body(self, number: int) -> Json:
        """The content of a row that the index names. Raises DiskError."""
        assert self._connection is not None
        return read_body(self._connection, self.path, number)

    def attempts(self, runs: Collection[int]) -> Iterator[Row]:
        """The rows about attempts at calls of these runs, in their order. Raises DiskError."""
        assert self._connection is not None
        return attempts_of(self._connection, self.path, runs)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path) -> Index:
    """What a journal says, without taking part in it; an empty one where there is none. Raises DiskError."""
    with JournalReader(path) as reader:
        return reader.index


def attempts_of(connection: sqlite3.Connection, path: Path, runs: Collection[int]) -> Iterator[Row]:
    """The rows about attempts at calls of these runs, in their order. Raises DiskError."""
    try:
        yield from read_attempts(connection, runs)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


def read_body(connection: sqlite3.Connection, path: Path, number: int) -> Json:
    try:
        found = connection.execute("SELECT body FROM records WHERE number = ?", (number,)).fetchone()
        return json.loads(found[0])
    except (sqlite3.DatabaseError, TypeError, ValueError, RecursionError):
        raise damaged(path, f"row {number} cannot be read") from None
