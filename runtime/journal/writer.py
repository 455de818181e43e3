"""The one writer of a journal in a process: a thread that writes the records of all runs in groups.

When a transaction is on the disk, all waiting records go into the next one (WAL, FULL). Under load the writer waits a
little for more of them. So one commit serves many calls, and a single call waits only for its own commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from ..vocabulary.errors import DiskError, told
from ..vocabulary.quoting import shown
from .head import HeadFile, JournalPlace
from .records import Columns, Kind, LogRecord, row, statements
from .reserve import Reserve

_ALONE = 2
"""A request that follows another brings two entries: the answer of that one, and its own intent."""
_LONGEST = 0.005


End = int | BaseException
"""The end of an entry: the number of its first row on the disk, or the error that kept it off the disk."""


class EntryEnds(Protocol):
    """The ends of entries that came from another process."""

    def add(self, number: int, end: End) -> None:
        """Take the end of an entry with the number that its process gave it."""

    def send(self, rows: int) -> None:
        """Send the ends that were added. ``rows`` is the number of rows that are on the disk."""


class WriteRequest(NamedTuple):
    """Records that go into one transaction. ``done`` gets the number of the first one when they are on the disk.

    ``reply`` gets the end of an entry of another process, with its ``number`` there.
    """

    records: tuple[LogRecord, ...] = ()
    done: asyncio.Future[int] | None = None
    flushed: threading.Event | None = None
    reply: EntryEnds | None = None
    number: int = 0


Waiting = list[tuple[asyncio.Future[int], End]]


class RowBatch(NamedTuple):
    """The rows of one transaction, the numbers of the first rows of its entries, and the contents among them."""

    rows: list[Columns]
    firsts: list[End]
    contents: set[bytes]
    last: JournalPlace


class LastCommit(NamedTuple):
    """The last commit: when it began and ended, and how many entries it served."""

    began: float = 0.0
    ended: float = 0.0
    entries: int = 0

    def wait(self) -> None:
        """Wait for more entries before the next commit: half as long as the last one took, and 5 ms at the most.

        It only waits if the last commit served several requests and has just ended. These requests then share the next
        commit. Without the wait, the requests of a busy loop fall into two halves: each arrives while the other is
        written, and each commit serves half as many.
        """
        took = self.ended - self.began
        if self.entries > _ALONE and time.monotonic() - self.ended < took:
            time.sleep(min(took / 2, _LONGEST))


class Writer:
    """A writer that takes entries from any thread. ``last`` marks the last row of the last transaction.

    ``contents`` are the keys of the contents that the journal has; none of them is written again.

    ``tell`` is called once, in the writer's thread, when the disk fails. Any other error comes from the records of one
    entry: only that entry fails, with the error itself.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        head: HeadFile,
        last: JournalPlace,
        contents: Iterable[bytes],
        tell: Callable[[DiskError], None],
    ) -> None:
        self.path = path
        self.last = last
        self.trouble: DiskError | None = None
        self._connection = connection
        self._head = head
        self._contents = set(contents)
        self._tell = tell
        self._reserve = Reserve(path)
        self._broken = False
        self._pace = LastCommit()
        self._queue: SimpleQueue[Sequence[WriteRequest] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take the reserve and start the thread. Raises DiskError."""
        self._reserve.keep()
        self._thread = threading.Thread(target=self._write, name="flowrun-journal", daemon=True)
        self._thread.start()

    def put(self, entries: Sequence[WriteRequest]) -> None:
        """Take entries that go into one transaction. Call this from the loop of their futures."""
        refused: Exception | None = self.trouble if self._broken else None
        if not self._writes:
            refused = ValueError(f"the journal {shown(str(self.path))} is closed in this process")
        if refused is None:
            self._queue.put(entries)
            return
        settle(entries, [refused] * len(entries), self.last.rows)

    def flush(self) -> None:
        """Wait until every entry that was given before is written, or has failed."""
        if self._writes:
            flushed = threading.Event()
            self._queue.put([WriteRequest(flushed=flushed)])
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

    @property
    def _writes(self) -> bool:
        """True from start to close; False in a forked process, which has no copy of the thread."""
        return self._thread is not None and self._thread.is_alive()

    # In the writer's thread

    def _write(self) -> None:
        over = False
        while not over:
            entries: list[WriteRequest] = []
            given = self._queue.get()
            self._pace.wait()
            with suppress(Empty):
                while given is not None:
                    entries += given
                    given = self._queue.get_nowait()
                over = True
            if entries:
                self._group(entries)

    def _group(self, entries: list[WriteRequest]) -> None:
        """Commit a group of entries, and complete the futures and events that wait for them."""
        known, began = self.trouble, time.monotonic()
        ends = self._commit(entries)
        self._pace = LastCommit(began, time.monotonic(), len(entries))
        if self.trouble is not None and known is None:
            self._tell(self.trouble)
        settle(entries, ends, self.last.rows)

    def _commit(self, entries: list[WriteRequest]) -> list[End]:
        """Write entries in one transaction, and return the end of each."""
        before = self.last
        try:
            return self._ends_on_disk(entries)
        except BaseException as error:  # noqa: BLE001 (it reaches those who wait for the entry; the thread goes on)
            if len(entries) == 1 or self.last != before:
                return [error] * len(entries)
        # Each entry gets a transaction of its own, so that an entry that cannot be written costs no other one.
        return [self._commit([entry])[0] for entry in entries]

    def _ends_on_disk(self, entries: list[WriteRequest]) -> list[End]:
        """Write entries, and return their ends: all fail where the disk does, unless the reserve helps."""
        if self._broken and self.trouble is not None:
            return [self.trouble] * len(entries)
        try:
            return self._insert(entries)
        except sqlite3.Error as error:
            trouble = DiskError(f"the journal {shown(str(self.path))} cannot be written any more: {error}")
            self.trouble = self.trouble or trouble
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._reserve.give()
                with suppress(sqlite3.Error):
                    return self._insert(entries)
        self._broken = True
        return [self.trouble] * len(entries)

    def _insert(self, entries: list[WriteRequest]) -> list[End]:
        """Write entries in one transaction, and return the numbers of their first rows."""
        batch = self._numbered(entries, self.last)
        if batch.rows:
            try:
                for statement, values in statements(batch.rows):
                    self._connection.executemany(statement, values)
                self._connection.commit()
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                raise
            self.last = batch.last
            self._contents |= batch.contents
            self._head.move(self.last)
        return batch.firsts

    def _numbered(self, entries: list[WriteRequest], last: JournalPlace) -> RowBatch:
        """Make the rows of entries that follow the row ``last``. Contents that the journal has are left out."""
        number, before = last
        rows, firsts, begun = list[Columns](), list[End](), 0
        contents = set[bytes]()
        for entry in entries:
            firsts.append(number + 1)
            for record in entry.records:
                if record.kind is Kind.CONTENT:
                    if record.key in self._contents or record.key in contents:
                        continue
                    contents.add(record.key)
                number += 1
                if record.kind is Kind.RUN:
                    begun = number
                columns = row(number, record, before, begun)
                before = columns[-1]
                rows.append(columns)
        return RowBatch(rows, firsts, contents, JournalPlace(number, before))


def settle(entries: Sequence[WriteRequest], ends: Sequence[End], rows: int) -> None:
    """Complete the futures and events that wait for entries. Any thread may call this."""
    done: dict[asyncio.AbstractEventLoop, tuple[Waiting, Waiting]] = {}
    replies: dict[EntryEnds, None] = {}
    for entry, end in zip(entries, ends, strict=True):
        if entry.done is not None:
            answers, others = done.setdefault(entry.done.get_loop(), ([], []))
            waiting = answers if entry.records and entry.records[0].kind is Kind.ANSWER else others
            waiting.append((entry.done, end))
        elif entry.reply is not None:
            entry.reply.add(entry.number, end)
            replies[entry.reply] = None
    for loop, (answers, others) in done.items():
        # If the event loop is closed, nobody waits for the result.
        with suppress(RuntimeError):
            # The answers may decide that a request whose intent is in the same commit is not needed.
            loop.call_soon_threadsafe(_settle, *((answers, others) if answers else (others,)))
    for reply in replies:
        reply.send(rows)
    for entry in entries:
        if entry.flushed is not None:
            entry.flushed.set()


def _settle(first: Waiting, then: Waiting | None = None) -> None:
    """Complete futures, and those of ``then`` when the first ones have been heard."""
    for future, end in first:
        if future.done():
            continue
        if isinstance(end, int):
            future.set_result(end)
        elif isinstance(end, StopIteration):
            # A future takes every exception but this one.
            future.set_exception(RuntimeError(told(end)))
        else:
            future.set_exception(end)
    if then:
        asyncio.get_running_loop().call_soon(_settle, then)
