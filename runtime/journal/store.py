"""The journal of a project: one SQLite file for all of its runs. One process at a time writes it.

The runs of a process share one writer. Each run sees the content of the journal at the moment when it opened it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .beside import check_files, open_file
from .creation import ELSEWHERE, make_folder, prepare, refusal
from .head import Head, HeadFile, Mark
from .index import Index
from .lock import Lock
from .reading import Connect, Evidence, open_mended, open_to_read
from .records import LogRecord
from .row_access import RowAccess
from .rows import fold, read_through
from .writer import Writer, WriteRequest


class Journal(RowAccess):
    """The journal as one run sees it, from ``open`` to ``close``.

    ``index`` is its content when it was opened, without the attempts of other live runs in this process; ``notes`` are
    remarks on it for the user. ``on_trouble`` is called once when the disk fails; the futures of commits that cannot be
    made get the same error. ``on_mistake`` is called when records that nobody waits for cannot be made into rows, and
    ``mistake`` is the last such error.
    """

    def __init__(self, path: Path, shared: _Shared, index: Index, live: frozenset[int], notes: list[str]) -> None:
        self.path = path
        self.index = index
        self.notes = notes
        self.on_trouble: Callable[[DiskError], None] = lambda error: None
        self.on_mistake: Callable[[BaseException], None] = lambda error: None
        self.mistake: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._shared = shared
        self._live = live
        self._run = 0
        self._given: list[WriteRequest] = []
        self._reader: sqlite3.Connection | None = None

    @classmethod
    def open(cls, path: Path, connect: Connect = sqlite3.connect) -> Self:
        """Lock the journal and read all of it. If its folder or file is missing, create it for this user alone.

        Raises: UsageError, if another process holds it; DiskError, if it cannot be written or is damaged.
        """
        with _gate:
            return _joined(cls, path, connect)

    def append(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        """Write records. The future gets the number of the first one when they are on the disk.

        They are written even if nobody waits for the future. It raises DiskError; for records that cannot be made into
        rows it raises the error that this met, and none of them is written.
        """
        self.loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = self.loop.create_future()
        if not self._given:
            # All records of one turn of the loop go to the writer together: it wakes once, and they share a commit.
            self.loop.call_soon(self._hand_over)
        self._given.append(WriteRequest(tuple(records), done))
        return done

    def _hand_over(self) -> None:
        given, self._given = self._given, []
        if given:
            self._shared.writer.put(given)

    def note(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        """Write records that nobody waits for, after all records that were given before."""
        done = self.append(records)
        done.add_done_callback(self._noted)
        return done

    def _noted(self, done: asyncio.Future[int]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, DiskError):
            self.mistake = error
            self.on_mistake(error)

    def begin(self, run: int) -> None:
        """Set the number of this journal's run. Raises UsageError if that run is already live in this process."""
        with _gate:
            if run in self._live or run in self._shared.live():
                raise UsageError(
                    f"the run {self.index.runs[run].id} is still active in this process: wait for its end, "
                    "then resume it"
                )
            self._run = run

    def _reading(self) -> sqlite3.Connection:
        if self._reader is None:
            self._reader = open_to_read(self.path)
        return self._reader

    def close(self) -> None:
        """Write all records, and free the journal for other processes. It is safe to call this twice."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._hand_over()
        self._shared.leave(self)

    @property
    def run(self) -> int:
        """The number of this journal's run; 0 before ``begin``."""
        return self._run


_J = TypeVar("_J", bound=Journal)


class _Shared:
    """The part of a journal that the runs of this process share: the lock, the writer, and the index read so far."""

    def __init__(self, path: Path, lock: Lock, connect: Connect) -> None:
        self.path = path
        self.journals: set[Journal] = set()
        self.notes: list[str] = []
        self._lock = lock
        self._connect = connect
        self._index = Index()
        signs = Evidence.of(path)
        self._read = self._read_through(signs)
        self.writer = self._begun()
        self._file = os.stat(path).st_ino
        self._lock.tell(self._read.rows)

    def _read_through(self, signs: Evidence) -> Mark:
        """Read the journal through a connection that changes nothing, so that a damaged file stays as it is."""
        found = Mark()
        if not self.path.exists():
            self.notes = signs.check(None, self.path, found)
            return found
        reader = open_mended(self.path, self._connect)
        try:
            found = read_through(reader, self.path, self._index)
            self.notes = signs.check(reader, self.path, found)
        finally:
            reader.close()
        return found

    def _begun(self) -> Writer:
        os.close(open_file(self.path, os.O_RDWR | os.O_CREAT))
        connection = self._connect(self.path, timeout=1.0, check_same_thread=False)
        try:
            prepare(connection, self.path)
            head = HeadFile(self.path, Head(self._read, self._read))
        except BaseException:
            connection.close()
            raise
        writer = Writer(self.path, connection, head, self._read, self._index.contents, self._trouble)
        try:
            writer.start()
        except BaseException:
            writer.close()
            raise
        return writer

    def join(self, kind: type[_J]) -> _J:
        """Open the journal for one more run. Raises DiskError if the disk has failed or the file was replaced."""
        if self.writer.trouble is not None:
            raise self.writer.trouble
        if self.journals:
            self._check_place()
            self._read_on()
        live = self.live()
        notes, self.notes = self.notes, []
        journal = kind(self.path, self, self._index.without(live) if live else self._index, live, notes)
        self.journals.add(journal)
        return journal

    def _check_place(self) -> None:
        try:
            same = os.stat(self.path).st_ino == self._file
        except OSError:
            same = False
        if not same:
            raise DiskError(
                f"the journal {shown(str(self.path))} was removed or replaced while other runs of this process "
                "use it: wait for those runs, or use another journal"
            )

    def _read_on(self) -> None:
        self.writer.flush()
        if self.writer.last == self._read:
            return
        reader = open_to_read(self.path)
        try:
            index = self._index.grown()
            self._read = fold(reader, self.path, index, self._read)
            self._index = index
        finally:
            reader.close()

    def live(self) -> frozenset[int]:
        """Return the numbers of the live runs in this process."""
        return frozenset(journal.run for journal in self.journals) - {0}

    def leave(self, journal: Journal) -> None:
        if journal not in self.journals:
            return
        self.writer.flush()
        with _gate:
            self.journals.discard(journal)
            if not self.journals:
                _open_here.pop(_place(self.path), None)
                self.close()

    def close(self) -> None:
        self.writer.close()
        self._lock.leave()

    def forget(self) -> None:
        """Close a forked process's copy of its parent's lock."""
        self._lock.leave()

    def _trouble(self, trouble: DiskError) -> None:
        for journal in tuple(self.journals):
            if journal.loop is not None:
                # If the event loop is closed, nobody waits for the news.
                with suppress(RuntimeError):
                    journal.loop.call_soon_threadsafe(journal.on_trouble, trouble)


_gate = threading.RLock()
_open_here: dict[str, _Shared] = {}
"""The journals that runs of this process hold open, by their real paths."""
_inherited: list[_Shared] = []


def _place(path: Path) -> str:
    return os.path.realpath(path)


def _joined(kind: type[_J], path: Path, connect: Connect) -> _J:
    shared = _open_here.get(_place(path))
    try:
        if shared is None:
            shared = _open_here[_place(path)] = _taken(path, connect)
        return shared.join(kind)
    except sqlite3.DatabaseError as error:
        raise refusal(path, error) from None


def _taken(path: Path, connect: Connect) -> _Shared:
    lock = Lock(path)
    try:
        check_files(path)
        make_folder(path.parent)
        lock.take()
        return _Shared(path, lock, connect)
    except OSError as error:
        lock.leave()
        raise DiskError(f"the journal {shown(str(path))} cannot be written: {error.strerror}; {ELSEWHERE}") from None
    except BaseException:
        lock.leave()
        raise


def _forked() -> None:
    """Forget the parent's journals in a forked process, because that process may not use them."""
    global _gate  # noqa: PLW0603
    _gate = threading.RLock()
    for shared in _open_here.values():
        shared.forget()
    # SQLite forbids closing an inherited connection after a fork, so these objects stay alive.
    _inherited.extend(_open_here.values())
    _open_here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
