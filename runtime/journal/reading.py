"""The opening of a journal for reading, and the evidence of the rows that it must have."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from flowrun.dsl import dataclass

from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown
from .address import JournalAddress
from .answers import Answers
from .attempts import (
    RunRow,
    answers_before,
    has_elsewhere,
    last_row,
    paid_keys,
    rows_at,
    rows_under,
    run_rows,
)
from .files import HEAD, check_files, file_beside
from .head import NO_HEAD, Head, JournalPlace, UnreadableHead, read_head
from .index import Index
from .lock import holder_of
from .row_access import RowAccess
from .rows import damaged, read_through
from .sql import Connection
from .tail import LogTail, tail_of

Connect = Callable[..., sqlite3.Connection]
ReadRows = Callable[[Connection, Path, Index], JournalPlace]
"""A function that fills an empty index from a journal, and returns the mark of the last row."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence of the rows that a journal must have: its head, and the end of its log before SQLite opened it."""

    head: Head
    tail: LogTail
    unreadable: bool = False

    @classmethod
    def of(cls, path: Path, *, live: bool = False) -> Evidence:
        """Collect the evidence of a journal.

        ``live`` says that a process writes to the journal at the moment. Then the end of its log proves nothing.

        Raises: DiskError, if a file is not the user's own or the log is broken; OSError.
        """
        tail = LogTail() if live else tail_of(path)
        if tail.damaged:
            raise damaged(path, f"its log {shown(path.name + '-wal')} is broken in frame {tail.whole + 1}")
        try:
            return cls(read_head(path), tail)
        except UnreadableHead:
            return cls(NO_HEAD, tail, unreadable=True)

    def check(self, connection: Connection | None, path: Path, found: JournalPlace) -> list[str]:
        """Compare the rows that were found with the evidence. Return notes for the user about the journal's end.

        ``connection`` is None if there is no file. Raises: DiskError, sqlite3.Error.
        """
        before, last = self.head
        notes = []
        head = shown(file_beside(path, HEAD).name)
        if self.unreadable:
            if not found.rows:
                raise damaged(path, f"it is empty, and {head}, which has its number of rows, cannot be read")
            notes.append(
                f"{head}, which has the number of rows in the journal, could not be read: flowrun writes it again"
            )
        if connection is None:
            if last.rows:
                notes.append(
                    f"the journal {shown(str(path))} with its {last.rows:,} rows is missing; the new journal "
                    "begins empty, and earlier calls are paid for again"
                )
            return notes
        dropped = found.rows < last.rows and found.rows == before.rows and self.tail.exists
        if found.rows < last.rows and not dropped:
            raise damaged(
                path,
                f"it holds {found.rows:,} of the {last.rows:,} rows that were written. Put back the complete "
                f"file (with {shown(path.name + '-wal')}, if it exists); to use this older copy, remove {head}",
            )
        for mark in self.head:
            if 0 < mark.rows <= found.rows and _sum_of(connection, mark.rows) != mark.sum:
                raise damaged(
                    path,
                    f"row {mark.rows:,} differs from the last written row; if you replaced the journal by "
                    f"another on purpose, remove {head}",
                )
        if dropped or self.tail.torn:
            notes.append(
                "the last row of the journal is incomplete, because the last run stopped while it wrote: "
                "flowrun ignores this row, and all earlier rows are complete"
            )
        return notes


def _sum_of(connection: Connection, number: int) -> bytes | None:
    found = connection.execute("SELECT sum FROM records WHERE number = ?", (number,)).fetchone()
    return found[0] if found else None


def open_to_read(
    path: Path, connect: Connect = sqlite3.connect, *, check_same_thread: bool = True
) -> sqlite3.Connection:
    """Open a connection that changes nothing. Raises sqlite3.Error."""
    address = f"file:{quote(os.path.abspath(path))}?mode=ro"
    return connect(address, uri=True, timeout=1.0, check_same_thread=check_same_thread)


def open_mended(path: Path, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """Open a connection that changes nothing. If a killed process left the file unfinished, SQLite repairs it first.

    Where the folder cannot be written, a finished file is read without its helper files. Raises DiskError for an
    unfinished file there, sqlite3.Error.
    """
    connection = open_to_read(path, connect)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not _forbids_writing(error):
            raise
        return open_to_read(path, connect) if _mended(path) else open_finished(path, connect)
    except BaseException:
        connection.close()
        raise
    return connection


def _forbids_writing(error: sqlite3.Error) -> bool:
    # SQLite reports a folder without the right to write in both ways.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    return code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _mended(path: Path) -> bool:
    """Let SQLite repair a file. Return False if it may not write there. Raises sqlite3.Error."""
    mending = sqlite3.connect(path, timeout=1.0)
    try:
        mending.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if not _forbids_writing(error):
            raise
        return False
    finally:
        mending.close()
    return True


def open_finished(path: Path, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """Open a file that nobody can write. Raises DiskError if its log holds rows that are not in the file yet."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise DiskError(
            f"the journal {shown(str(path))} was left with an open log in a folder that cannot be written: copy "
            f"{shown(path.name)} and all files beside it whose names begin so to another folder, and read them there"
        )
    return connect(f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1", uri=True, timeout=1.0)


class JournalReader(RowAccess):
    """A journal that is opened only for reading, with its content at this moment. A missing journal counts as empty.

    ``read`` fills the index. The readers of `survey` leave out what a command does not need, and check only the rows
    that it uses.

    Raises: DiskError.
    """

    def __init__(self, path: Path, read: ReadRows = read_through) -> None:
        self.path = path
        self.index = Index()
        self.notes: list[str] = []
        self._connection: Connection | None = None
        try:
            if isinstance(path, JournalAddress):
                from .postgres.reading import PostgresConnection  # it loads the driver of the database

                self._connection = PostgresConnection(path, snapshot=True)
                read(self._connection, path, self.index)
                return
            check_files(path)
            # The evidence is collected before the rows are read, because a run may add rows at the same time.
            signs = Evidence.of(path, live=holder_of(path) is not None)
            found = JournalPlace()
            if path.exists():
                self._connection = open_mended(path)
                found = read(self._connection, path, self.index)
            self.notes = signs.check(self._connection, path, found)
        except sqlite3.Error as error:
            self.close()
            raise damaged(path, str(error)) from None
        except OSError as error:
            self.close()
            raise DiskError(f"the journal {shown(str(path))} cannot be read: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def _reading(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def last_row(self, run: int) -> int:
        """Return the number of the last row of a run. Raises DiskError."""
        assert self._connection is not None
        return last_row(self._connection, self.path, run)

    def rows(self, run: int, last: int) -> Iterator[RunRow]:
        """Read and check the rows of a run in order, up to the row ``last``. Raises DiskError."""
        assert self._connection is not None
        return run_rows(self._connection, self.path, run, last)

    def rows_at(self, run: int, *places: str) -> list[RunRow]:
        """Read and check the rows of a run about the calls at these places. Raises DiskError."""
        assert self._connection is not None
        return rows_at(self._connection, self.path, run, places)

    def paid_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return those of the keys that have an answer which was not forgotten. Raises DiskError."""
        assert self._connection is not None
        return paid_keys(self._connection, self.path, keys)

    def rows_under(self, run: int, places: Collection[str], most: int) -> list[RunRow] | None:
        """Read and check the rows of a run whose places begin with one of these texts, and its heads and reads.

        None if there are more than ``most``. Raises DiskError.
        """
        assert self._connection is not None
        return rows_under(self._connection, self.path, run, places, most)

    def has_elsewhere(self, run: int, rows: Sequence[RunRow]) -> bool:
        """Tell whether a run asked a question of these rows at another place too. Raises DiskError."""
        assert self._connection is not None
        return has_elsewhere(self._connection, self.path, rows, run)

    def answers_before(self, number: int) -> Answers:
        """Collect all answers in the rows before a row. Raises DiskError."""
        assert self._connection is not None
        return answers_before(self._connection, self.path, number)

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
