"""The writer of a journal in PostgreSQL: the thread of ``journal.writer``, with the transactions of a server.

Many processes write, so each transaction first takes the lock of the journal, reads the last row, and goes on from its
number and checksum. If the connection breaks, the writer opens another. The chain of checksums then tells whether the
last transaction was committed: its last number and checksum stand in the journal, or they do not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ...vocabulary.errors import DiskError, UsageError
from ...vocabulary.quoting import shown
from ..address import JournalAddress
from ..head import JournalPlace
from ..records import START, Kind
from ..writer import End, RowBatch, Writer, WriteRequest
from .connecting import connect, driver, said_by
from .idle_queue import AttentiveQueue
from .locks import OPEN, WRITE, holder_told, live, of_run

if TYPE_CHECKING:
    import psycopg

PATIENCE = 60.0
"""The seconds for which a writer tries to reach a server that is gone."""
_TAKEOVER = 5.0
"""The seconds after which a lock of a run belongs to another process, and not to the connection that broke."""
_LONGEST = 2.0
_FEW = 200
"""The rows up to which one statement is faster than a copy."""
_LAST = "SELECT number, sum FROM records ORDER BY number DESC LIMIT 1"
_SUM = "SELECT sum FROM records WHERE number = %s"
_RESUMED = "SELECT number, sum FROM records WHERE run = ANY(%s) AND kind = 'resumed' AND number > %s"
_LATER = "SELECT 1 FROM records WHERE run = %s AND number > %s LIMIT 1"
_INSERT = """INSERT INTO records SELECT * FROM unnest(
%b::bigint[], %b::bigint[], %b::text[], %b::bytea[], %b::text[], %b::text[], %b::bytea[])"""
_COPY = "COPY records FROM STDIN (FORMAT BINARY)"
_TYPES = ("int8", "int8", "text", "bytea", "text", "text", "bytea")
_SELF = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"


class _Server(NamedTuple):
    """The process of the server that serves a connection."""

    pid: int
    began: object


class PostgresWriter(Writer):
    """A writer of one run's rows. ``last`` marks the last row that it has written or read."""

    path: JournalAddress

    def __init__(
        self, address: JournalAddress, contents: Iterable[bytes], last: JournalPlace, tell: Callable[[DiskError], None]
    ) -> None:
        """Connect, and share the lock of open journals. Raises UsageError, DiskError."""
        # SQLite's connection and the head of its file are used by methods that this class has in another form.
        nothing = cast("Any", None)
        super().__init__(address, nothing, nothing, last, contents, tell)
        self.runs: set[int] = set()
        self._queue = AttentiveQueue(self._look_after)
        self._driver = driver()
        self._in_use = threading.RLock()
        self._unsure: RowBatch | None = None
        self._server = self._connect()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._write, name="flowrun-journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        with suppress(self._driver.Error):
            self._connection.close()

    def take(self, run: int) -> None:
        """Take the lock of a run that is resumed. Raises UsageError if the run goes on elsewhere, DiskError."""
        with self._in_use:
            if run in self.runs:
                return
            try:
                if not self._try_lock(run):
                    who = holder_told(self._connection, run) or "another process"
                    raise UsageError(
                        f"the run is still active ({who}): wait for its end, then resume it. The server notices within "
                        "half a minute that a machine is gone"
                    )
                self.runs.add(run)
                if self._connection.execute(_LATER, (run, self.last.rows)).fetchone():
                    raise UsageError("the run has gone on elsewhere since its journal was read: try again")
            except self._driver.Error as error:
                raise self._lost(error) from None

    def live(self) -> frozenset[int]:
        """Return the numbers of the runs that go on, on every machine. Raises DiskError."""
        try:
            return frozenset(live(self._connection))
        except self._driver.Error as error:
            raise self._lost(error) from None

    # In the writer's thread

    def _ends_on_disk(self, entries: list[WriteRequest]) -> list[End]:
        """Write entries. A server that is gone for a while is waited for, and then all entries fail."""
        if self._broken and self.trouble is not None:
            return [self.trouble] * len(entries)
        end, pause = time.monotonic() + PATIENCE, 0.05
        while True:
            try:
                with self._in_use:
                    return self._insert(entries)
            except DiskError as error:
                self.trouble = self.trouble or error
                break
            except self._driver.DataError:
                self._roll_back()
                raise
            except self._driver.Error as error:
                self._roll_back()
                if not self._may_pass(error) or time.monotonic() > end:
                    self.trouble = self.trouble or self._lost(error)
                    break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)
        self._broken = True
        return [self.trouble] * len(entries)

    def _look_after(self) -> None:
        """Open a connection again that broke while nothing was written. A server that is gone is tried again later."""
        if self._broken:
            return
        try:
            with self._in_use:
                if not self._connection.closed:
                    self._connection.execute("SELECT 1")
                else:
                    self._reconnect()
        except DiskError as error:
            self.trouble, self._broken = self.trouble or error, True
            self._tell(self.trouble)
        except self._driver.Error:
            # Entries that need the server will tell of it.
            self._roll_back()

    def _may_pass(self, error: Exception) -> bool:
        """Tell whether an error may go away by itself, as that of a server that restarts."""
        full = self._driver.errors.DiskFull
        return isinstance(error, self._driver.OperationalError | self._driver.InterfaceError) and not isinstance(
            error, full
        )

    def _insert(self, entries: list[WriteRequest]) -> list[End]:
        if self._connection.closed:
            self._reconnect()
        last = self._begun()
        if self._unsure is not None:
            done, self._unsure = self._unsure, None
            if self._holds(done.last):
                self._connection.rollback()
                return self._over(done)
        batch = self._numbered(entries, last)
        if not batch.rows:
            self._connection.rollback()
            return batch.firsts
        for number, _, kind, *_ in batch.rows:
            if kind == Kind.RUN:
                # The run is known as live from the moment at which others can see it.
                self._connection.execute("SELECT pg_advisory_lock(%s)", (of_run(number),))
                self.runs.add(number)
        self._send(batch)
        return self._over(batch)

    def _begun(self) -> JournalPlace:
        """Begin a transaction that alone adds rows, and return the last row of the journal."""
        with self._connection.pipeline():
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE,))
            found = self._connection.execute(_LAST, binary=True)
        row = found.fetchone()
        return JournalPlace(0, START) if row is None else JournalPlace(*row)

    def _send(self, batch: RowBatch) -> None:
        if len(batch.rows) > _FEW:
            with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in batch.rows:
                    copy.write_row(row)
            self._unsure = batch
            self._connection.execute("COMMIT")
            return
        columns = [list(column) for column in zip(*batch.rows, strict=True)]
        self._unsure = batch
        with self._connection.pipeline():
            self._connection.execute(_INSERT, columns)
            self._connection.execute("COMMIT")

    def _over(self, batch: RowBatch) -> list[End]:
        self._unsure = None
        self.last = batch.last
        self._contents |= batch.contents
        return batch.firsts

    def _holds(self, mark: JournalPlace) -> bool:
        """Tell whether the journal has this row. Its checksum covers all rows before it."""
        if not mark.rows:
            return True
        found = self._connection.execute(_SUM, (mark.rows,)).fetchone()
        return found is not None and bytes(found[0]) == mark.sum

    def _roll_back(self) -> None:
        with suppress(self._driver.Error):
            if not self._connection.closed:
                self._connection.rollback()

    # The connection

    def _connect(self) -> _Server:
        connection = connect(self.path, patient=False)
        self._connection: psycopg.Connection[Any] = connection  # type: ignore[assignment]
        try:
            if connection.execute("SHOW synchronous_commit").fetchone() == ("off",):
                connection.execute("SET synchronous_commit TO on")
            found = connection.execute(_SELF).fetchone()
            if connection.execute("SELECT pg_try_advisory_lock_shared(%s)", (OPEN,)).fetchone() != (True,):
                raise UsageError(
                    f"the journal {shown(str(self.path))} is being rewritten (`flowrun journal prune` or `erase`): "
                    "wait for the end of that"
                )
        except self._driver.Error as error:
            connection.close()
            raise self._lost(error) from None
        except BaseException:
            connection.close()
            raise
        return _Server(*(found or (0, None)))

    def _reconnect(self) -> None:
        """Connect again, and take the locks again. Raises DiskError if another process has taken a run over."""
        old = self._server
        try:
            self._server = self._connect()
        except DiskError as error:
            # It may pass: the server may be starting.
            raise self._driver.OperationalError(str(error)) from None
        except UsageError as error:
            raise DiskError(str(error)) from None
        # The server may not have noticed yet that the old connection is gone, and keep its locks.
        self._connection.execute(_END, old)
        for run in self.runs:
            self._take_again(run)
        if not self._holds(self.last):
            raise DiskError(
                f"the journal {shown(str(self.path))} was rewritten or replaced while the connection was lost: resume "
                "the run"
            )
        known = set() if self._unsure is None else {(row[0], row[-1]) for row in self._unsure.rows}
        found = self._connection.execute(_RESUMED, (list(self.runs), self.last.rows)).fetchall()
        if any((number, bytes(sum_)) not in known for number, sum_ in found):
            raise self._taken_over("")

    def _take_again(self, run: int) -> None:
        end = time.monotonic() + _TAKEOVER
        while not self._try_lock(run):
            if time.monotonic() > end:
                raise self._taken_over(holder_told(self._connection, run))
            time.sleep(0.1)

    def _try_lock(self, run: int) -> bool:
        return self._connection.execute("SELECT pg_try_advisory_lock(%s)", (of_run(run),)).fetchone() == (True,)

    def _taken_over(self, who: str) -> DiskError:
        by = f" ({who})" if who else ""
        return DiskError(
            f"the connection to the journal {shown(str(self.path))} was lost, and another process{by} has resumed the "
            "run since: this process stops"
        )

    def _lost(self, error: BaseException) -> DiskError:
        said = said_by(self.path, error)
        return DiskError(f"the journal {shown(str(self.path))} cannot be written any more: {said}")
