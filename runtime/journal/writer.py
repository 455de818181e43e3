"""The one writer of a journal in a process: a thread that writes the records of all runs in groups.

As soon as a transaction is on the disk, all waiting records go into the next one (WAL, FULL). So under load one commit
serves many calls, and a single call waits only for its own commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown
from .head import HeadFile, Mark
from .records import INSERT, Kind, Record, row
from .reserve import Reserve


class Entry(NamedTuple):
    """Records that go into one transaction. ``done`` gets the number of the first record when all are on the disk."""

    records: tuple[Record, ...] = ()
    done: asyncio.Future[int] | None = None
    flushed: threading.Event | None = None


class Writer:
    """A writer that takes entries from any thread. ``last`` marks the last row of the last transaction.

    ``tell`` is called once, in the writer's thread, when the disk fails.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, head: HeadFile, last: Mark, tell: Callable[[DiskError], None]
    ) -> None:
        self.path = path
        self.last = last
        self.trouble: DiskError | None = None
        self._connection = connection
        self._head = head
        self._tell = tell
        self._reserve = Reserve(path)
        self._broken = False
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take the reserve and start the thread. Raises DiskError."""
        self._reserve.keep()
        self._thread = threading.Thread(target=self._write, name="flowrun-journal", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        if self._broken and self.trouble is not None and entry.done is not None:
            entry.done.set_exception(self.trouble)
        else:
            self._queue.put(entry)

    def flush(self) -> None:
        """Wait until every earlier entry is written or has failed."""
        flushed = threading.Event()
        self._queue.put(Entry(flushed=flushed))
        flushed.wait()

    def close(self) -> None:
        """Write all entries, and end the thread. It is safe to call this twice."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._head.close()
        # Committed rows are safe: a checkpoint that fails here is repeated at the next start.
        with suppress(sqlite3.Error):
            self._connection.close()

    # In the writer's thread

    def _write(self) -> None:
        over = False
        while not over:
            entries: list[Entry] = []
            entry = self._queue.get()
            with suppress(Empty):
                while entry is not None:
                    entries.append(entry)
                    entry = self._queue.get_nowait()
                over = True
            if entries:
                self._group(entries)

    def _group(self, entries: list[Entry]) -> None:
        """Commit a group of entries, and complete the futures and events that wait for them."""
        first = self.last.rows + 1
        records = [one for entry in entries for one in entry.records]
        trouble = self.trouble if self._broken or not records else self._commit(records)
        told = trouble is not None and self.trouble is None
        self.trouble = self.trouble or trouble
        done: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int]]] = {}
        for entry in entries:
            if entry.done is not None:
                done.setdefault(entry.done.get_loop(), []).append((entry.done, first))
            first += len(entry.records)
        failed = self.trouble if self._broken else None
        if told and self.trouble is not None:
            self._tell(self.trouble)
        for loop, waiting in done.items():
            # If the event loop is closed, nobody waits for the result.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, waiting, failed)
        for entry in entries:
            if entry.flushed is not None:
                entry.flushed.set()

    def _commit(self, records: list[Record]) -> DiskError | None:
        """Write records in one transaction. Return the disk's error, if any.

        On a full disk, the freed reserve may still let them be written. ``_broken`` is True if they are not.
        """
        try:
            self._insert(records)
        except sqlite3.Error as error:
            trouble = DiskError(f"the journal {shown(str(self.path))} cannot be written any more: {error}")
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
        number, before = self.last
        rows, begun = [], 0
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
        self.last = Mark(number, before)
        self._head.move(self.last)


def _settle(waiting: list[tuple[asyncio.Future[int], int]], trouble: DiskError | None) -> None:
    for future, number in waiting:
        if future.done():
            continue
        if trouble is not None:
            future.set_exception(trouble)
        else:
            future.set_result(number)
