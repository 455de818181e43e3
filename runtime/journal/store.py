"""The journal of a project: one SQLite file, one writer, and a thread that writes in groups.

Whatever waits to be written goes into one transaction as soon as the one before is on the disk (WAL, FULL), so under
load a commit serves many calls, and alone a call waits for its own only.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from ..errors import DiskError
from ..files import shown
from .history import Row
from .index import Index
from .lock import Lock
from .reading import Connect, attempts_of, check_form, check_owner, damaged, fold, open_to_read, read_body
from .records import APPLICATION, INSERT, TABLE, Kind, Record, row
from .reserve import Reserve
from .tail import tail_of

Json = Any


class _Entry(NamedTuple):
    records: tuple[Record, ...]
    done: asyncio.Future[int] | None


class Journal:
    """``index`` is what it held when it was opened, ``notes`` what its user should know of that.

    ``on_trouble`` is told once when the disk is in trouble; what waits for a commit that cannot be gets the same error.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: Lock, reserve: Reserve) -> None:
        self.path = path
        self.index = Index()
        self.notes: list[str] = []
        self.on_trouble: Callable[[DiskError], None] = lambda error: None
        self._connection = connection
        self._reader: sqlite3.Connection | None = None
        self._lock = lock
        self._reserve = reserve
        self._last = 0
        self._sum = b""
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._trouble: DiskError | None = None
        self._broken = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, path: Path, connect: Connect = sqlite3.connect) -> Journal:
        """Take the journal, and read it through. Folders and the file are made where they are missing, for their user
        alone.

        Raises: UsageError, where another process has it; DiskError, where it cannot be written or is damaged.
        """
        lock = Lock(path)
        try:
            _make_folder(path.parent)
            lock.take()
            check_owner(path)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            tail = tail_of(path)
            connection = connect(path, timeout=1.0, check_same_thread=False)
        except OSError as error:
            lock.leave()
            raise DiskError(
                f"the journal {shown(str(path))} cannot be written: {error.strerror}; {_ELSEWHERE}"
            ) from None
        except BaseException:
            lock.leave()
            raise
        journal = cls(path, connection, lock, Reserve(path))
        try:
            journal._prepare()
            whole = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
            if tail.damaged(whole):
                raise damaged(path, f"its log {shown(path.name + '-wal')} is broken in frame {whole + 1}")
            journal.index, journal._last, journal._sum = fold(connection, path)
            if tail.torn(whole):
                journal.notes.append(
                    "the journal ends in something that was not written to its end when the last run stopped: "
                    "it is left out, and all before it is whole"
                )
            journal._reader = open_to_read(path, connect)
        except sqlite3.DatabaseError as error:
            journal._leave()
            raise _refusal(path, error) from None
        except BaseException:
            journal._leave()
            raise
        journal._reserve.keep()
        return journal

    def _prepare(self) -> None:
        connection = self._connection
        # Checked before anything is written: the file may be somebody's database.
        known = check_form(connection, self.path)
        with suppress(OSError):  # a file system without modes
            os.chmod(self.path, 0o600)
        for pragma in ("trusted_schema=OFF", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        if not known:
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            connection.execute(TABLE)
            connection.commit()

    def append(self, records: Iterable[Record]) -> asyncio.Future[int]:
        """Write records; the future is done when they are on the disk, with the number of the first.

        They will be written even where nobody waits for it any more. Raises DiskError through the future.
        """
        loop = self._begun()
        done: asyncio.Future[int] = loop.create_future()
        if self._broken and self._trouble is not None:
            done.set_exception(self._trouble)
        else:
            self._queue.put(_Entry(tuple(records), done))
        return done

    def note(self, records: Iterable[Record]) -> None:
        """Write records that nobody waits for, behind all that were given before."""
        self._begun()
        self._queue.put(_Entry(tuple(records), None))

    def body(self, number: int) -> Json:
        """The content of a row that the index names. Raises DiskError."""
        assert self._reader is not None
        return read_body(self._reader, self.path, number)

    def attempts(self, run: int) -> Iterator[Row]:
        """The rows about attempts at calls of a run, in their order. Raises DiskError."""
        assert self._reader is not None
        return attempts_of(self._reader, self.path, (run,))

    def close(self) -> None:
        """Write what was given, and leave the journal to others. Safe to call twice."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._leave()

    def _leave(self) -> None:
        for connection in (self._reader, self._connection):
            if connection is not None:
                # What is committed is safe: a checkpoint that fails now is made at the next start.
                with suppress(sqlite3.Error):
                    connection.close()
        self._reader = None
        self._lock.leave()

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._write, name="flowrun-journal", daemon=True)
            self._thread.start()
        assert self._loop is not None
        return self._loop

    # In the writer's thread

    def _write(self) -> None:
        over = False
        while not over:
            entries: list[_Entry] = []
            entry = self._queue.get()
            with suppress(Empty):
                while entry is not None:
                    entries.append(entry)
                    entry = self._queue.get_nowait()
                over = True
            if entries:
                self._group(entries)

    def _group(self, entries: list[_Entry]) -> None:
        """Commit a group, and tell those who wait."""
        first = self._last + 1
        trouble = self._trouble if self._broken else self._commit([one for entry in entries for one in entry.records])
        told = trouble is not None and self._trouble is None
        self._trouble = self._trouble or trouble
        done: list[tuple[asyncio.Future[int], int]] = []
        for entry in entries:
            if entry.done is not None:
                done.append((entry.done, first))
            first += len(entry.records)
        assert self._loop is not None
        if done or told:
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settle, done, told)

    def _settle(self, done: list[tuple[asyncio.Future[int], int]], told: bool) -> None:
        trouble = self._trouble
        for future, number in done:
            if future.done():
                continue
            if self._broken and trouble is not None:
                future.set_exception(trouble)
            else:
                future.set_result(number)
        if told and trouble is not None:
            self.on_trouble(trouble)

    def _commit(self, records: list[Record]) -> DiskError | None:
        """Write records in one transaction; what troubles the disk, if anything. ``_broken``: they are not written."""
        try:
            self._insert(records)
        except sqlite3.Error as error:
            trouble = _trouble(self.path, error)
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._reserve.give()
                try:
                    self._insert(records)
                except sqlite3.Error:
                    self._broken = True
            else:
                self._broken = True
            return trouble
        return None

    def _insert(self, records: list[Record]) -> None:
        number, before, rows, begun = self._last, self._sum, [], 0
        for record in records:
            number += 1
            if record.kind is Kind.RUN:
                begun = number
            columns = row(number, record, before, begun)
            before = columns[-1]
            rows.append(columns)
        try:
            self._connection.executemany(INSERT, rows)
            self._connection.commit()
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise
        self._last, self._sum = number, before


_ELSEWHERE = "keep the run elsewhere with --journal FILE, or nowhere with --no-journal"


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
        if folder.name == ".flowrun":
            # The answers of a project are no part of its sources.
            (folder / ".gitignore").write_text("*\n")


def _refusal(path: Path, error: sqlite3.Error) -> DiskError:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    return DiskError(f"the journal {shown(str(path))} cannot be written: {error}; {_ELSEWHERE}")


def _trouble(path: Path, error: sqlite3.Error) -> DiskError:
    return DiskError(f"the journal {shown(str(path))} cannot be written any more: {error}")
