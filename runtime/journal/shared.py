"""The part of a journal that the runs of a process share: the lock or the line to its holder, and what was read."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .creation import prepare, refusal
from .files import open_file
from .head import Head, HeadFile, JournalPlace
from .index import Index
from .lock import Lock
from .reading import Connect, Evidence, open_mended, open_to_read
from .rows import LATER, check_form, fold
from .run_locks import RunLocks
from .service import Service
from .writer import Writer, WriteRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .remote import Found, RemoteWriter
    from .sockets import JournalLine

_LATER = "SELECT DISTINCT run FROM records WHERE number > ?"


class User(Protocol):
    """A run that uses a journal, as the news of the disk reach it."""

    loop: asyncio.AbstractEventLoop | None
    on_trouble: Callable[[DiskError], None]


class View(NamedTuple):
    """The content of a journal when a run opens it, and the ``live`` runs with their processes.

    ``rows`` is the number of rows that were read.
    """

    content: Index
    live: Mapping[int, int]
    notes: list[str]
    rows: int


class Shared:
    """The writer, and the index read so far."""

    def __init__(self, path: Path, connect: Connect, index: Index) -> None:
        self.path = path
        self.journals: set[User] = set()
        self.writer: Writer | RemoteWriter
        self._notes: list[str] = []
        self._whole = Path(os.path.abspath(path))
        self._connect = connect
        self._seen = (index, JournalPlace())
        self._file = 0
        self._lock: Lock | None = None
        self._runs = RunLocks(path)
        self._service: Service | None = None

    # The beginning

    def hold(self, lock: Lock) -> Writer:
        """Become the process that writes, and listen to others. The lock is taken. Raises UsageError, DiskError."""
        service = Service.at(self._whole)
        try:
            # The rows are numbered behind those that were read, so the writer must see no others. If no connection is
            # open, the next one reads the log of a killed writer again, with a commit that readers had not seen.
            with ExitStack() as keep:
                index, read = self._read_on(Evidence.of(self._whole), keep)
                writer = self._begun(index, read)
        except BaseException:
            if service is not None:
                service.stop()
                service.part()
            raise
        self._lock, self._service = lock, service
        if service is not None:
            service.begin(writer)
        return writer

    def reach(self, line: JournalLine, process: int) -> None:
        """Give all entries to the process that writes. Raises DiskError."""
        from .remote import RemoteWriter  # few runs meet another process

        try:
            with ExitStack() as keep:
                _, read = self._read_on(Evidence.of(self._whole, live=True), keep)
            self.writer = RemoteWriter(self._whole, line, process, read.rows, self, self._trouble)
        except BaseException:
            line.close()
            raise
        self.writer.start()

    def join(self) -> None:
        """Say to other processes that this one uses the journal. Raises UsageError, DiskError."""
        self._runs.join()

    def _read_on(self, signs: Evidence, keep: ExitStack) -> tuple[Index, JournalPlace]:
        """Read the rows behind those that were read, by a connection that stays open as long as ``keep``.

        The connection changes nothing, so that a damaged file stays as it is.
        """
        index, read = self._seen
        if not self._whole.exists():
            self._notes += signs.check(None, self.path, read)
            return self._seen
        reader = keep.enter_context(closing(open_mended(self._whole, self._connect)))
        if check_form(reader, self.path):
            index = index.grown() if read.rows else index
            read = fold(reader, self.path, index, read)
        self._notes += signs.check(reader, self.path, read)
        self._seen = index, read
        self._file = os.stat(self._whole).st_ino
        return self._seen

    def _begun(self, index: Index, read: JournalPlace) -> Writer:
        if not self._file:
            os.close(open_file(self._whole, os.O_RDWR | os.O_CREAT))
        connection = self._connect(self._whole, timeout=1.0, check_same_thread=False)
        try:
            prepare(connection, self.path)
            head = HeadFile(self._whole, Head(read, read))
        except BaseException:
            connection.close()
            raise
        writer = Writer(self._whole, connection, head, read, index.contents, self._trouble)
        try:
            writer.start()
        except BaseException:
            writer.close()
            raise
        self._file = os.stat(self._whole).st_ino
        return writer

    # The runs

    def view(self) -> View:
        """Return what one more run sees. Raises DiskError if the disk has failed or the file was replaced."""
        if self.writer.trouble is not None:
            raise self.writer.trouble
        if self.journals:
            self._check_place()
            self.writer.flush()
            if not (isinstance(self.writer, Writer) and self.writer.last == self._seen[1]):
                self._read_more()
        index, read = self._seen
        live = self._live(index, read)
        notes, self._notes = self._notes, []
        return View(index, live, notes, read.rows)

    def _read_more(self) -> None:
        index, read = self._seen
        with closing(open_to_read(self._whole)) as reader:
            index = index.grown()
            self._seen = index, fold(reader, self.path, index, read)

    def _live(self, index: Index, read: JournalPlace) -> Mapping[int, int]:
        """Return the runs that are live, each with its process; 0 for one that ended since the rows were read."""
        open_ = [number for number, run in index.runs.items() if run.status is None]
        live = self._runs.live(open_)
        if len(live) < len(open_) and (self.journals or not isinstance(self.writer, Writer)):
            with closing(open_to_read(self._whole)) as reader:
                later = {run for (run,) in reader.execute(_LATER, (read.rows,))}
            live.update((number, 0) for number in open_ if number in later and number not in live)
        return live

    @property
    def in_place(self) -> bool:
        """False if somebody removed or replaced the file since it was opened."""
        try:
            return os.stat(self._whole).st_ino == self._file
        except OSError:
            return False

    def _check_place(self) -> None:
        if not self.in_place:
            raise DiskError(
                f"the journal {shown(str(self.path))} was removed or replaced while other runs of this process "
                "use it: wait for those runs, or use another journal"
            )

    def begin(self, run: int, name: str) -> None:
        """Make a run live. Raises UsageError if it is live in another process."""
        self._runs.take(run, name)

    def over(self, run: int) -> None:
        self._runs.give(run)

    def live(self) -> frozenset[int]:
        """Return the numbers of the live runs of this process."""
        return self._runs.mine

    # The end of the process that writes

    def find(self) -> Found | None:
        """Look once for the next process that writes, or become it. Raises UsageError, DiskError."""
        self._check_place()
        lock = Lock(self._whole)
        try:
            try:
                lock.take()
            except UsageError:
                from .dialling import dialled

                return dialled(self._whole)
            return self.hold(lock)
        except sqlite3.Error as error:
            lock.leave()
            raise refusal(self.path, error) from None
        except OSError as error:
            lock.leave()
            raise DiskError(f"the journal {shown(str(self.path))} cannot be written: {error.strerror}") from None
        except BaseException:
            lock.leave()
            raise

    def lost(self, after: int, entries: Sequence[WriteRequest]) -> list[int]:
        """Return the numbers of the first rows of entries behind a row; 0 for those that are not in the journal."""
        from .resent import found_rows

        if not entries:
            return []
        try:
            with closing(open_to_read(self._whole)) as reader:
                return found_rows(reader, after, [entry.records for entry in entries])
        except sqlite3.Error as error:
            raise refusal(self.path, error) from None

    # The end

    def close(self) -> None:
        """Write everything, and free the journal. Another process that has entries then becomes the one that writes."""
        if not isinstance(self.writer, Writer):
            self.writer.end()
        if self._service is not None:
            self._service.stop()
        self.writer.close()
        self.leave()
        if self._service is not None:
            self._service.part()

    def leave(self) -> None:
        """Free the locks."""
        if self._lock is not None:
            self._lock.leave()
        self._runs.leave()

    def forget(self) -> None:
        """Close a forked process's copies of what belongs to its parent."""
        self.leave()
        if self._service is not None:
            self._service.forget()
        if not isinstance(self.writer, Writer):
            self.writer.forget()

    def _trouble(self, trouble: DiskError) -> None:
        for journal in tuple(self.journals):
            if journal.loop is not None:
                # If the event loop is closed, nobody waits for the news.
                with suppress(RuntimeError):
                    journal.loop.call_soon_threadsafe(journal.on_trouble, trouble)
        if self._service is not None:
            self._service.tell(trouble)


def went_on(connection: sqlite3.Connection, run: int, rows: int) -> bool:
    """Tell whether a run has rows behind this number of rows. Raises sqlite3.Error."""
    return connection.execute(LATER, (rows, run)).fetchone() is not None
