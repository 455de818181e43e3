"""The journal of a project: one SQLite file for all of its runs. One process at a time writes it, also for the others.

The runs of a process share one writer, and the processes of a user share that of one of them. Each run sees the content
of the journal at the moment when it opened it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self, TypeVar

from ..vocabulary.errors import DiskError, UsageError
from .creation import refusal
from .reading import Connect, open_to_read
from .records import LogRecord
from .row_access import RowAccess
from .shared import Shared, View, went_on
from .taking import taken
from .writer import WriteRequest


class Journal(RowAccess):
    """The journal as one run sees it, from ``open`` to ``close``.

    ``index`` is its content when it was opened, without the attempts of other live runs; ``notes`` are remarks on it
    for the user. ``on_trouble`` is called once when the disk fails; the futures of commits that cannot be made get the
    same error. ``on_mistake`` is called when records that nobody waits for cannot be made into rows, and
    ``mistake`` is the last such error.
    """

    def __init__(self, path: Path, shared: Shared, view: View) -> None:
        self.path = path
        self.index = view.content.without(view.live) if view.live else view.content
        self.notes = view.notes
        self.on_trouble: Callable[[DiskError], None] = lambda error: None
        self.on_mistake: Callable[[BaseException], None] = lambda error: None
        self.mistake: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._shared = shared
        self._view = view
        self._run = 0
        self._given: list[WriteRequest] = []
        self._reader: sqlite3.Connection | None = None

    @classmethod
    def open(cls, path: Path, connect: Connect = sqlite3.connect, *, past: bool = False) -> Self:
        """Read all of the journal, and take its lock or reach the process that has it.

        If its folder or file is missing, create it for this user alone. ``past`` says that the past of a run is wanted.

        Raises: UsageError, if another process holds it and does not write for this one; DiskError, if it cannot be
        written or is damaged.
        """
        with _gate:
            return _joined(cls, path, connect, past)

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
        """Set the number of this journal's run. Raises UsageError if that run is already live, or has gone on."""
        with _gate:
            name = self.index.runs[run].id if run in self.index.runs else str(run)
            process = self._view.live.get(run) or (os.getpid() if run in self._shared.live() else 0)
            if run in self._view.live or process:
                where = "this process" if process == os.getpid() else f"process {process}"
                raise UsageError(
                    f"the run {name} is still active in {where if process else 'another process'}: wait for its end, "
                    "then resume it"
                )
            self._shared.begin(run, name)
            self._run = run
            if run <= self._view.rows and went_on(self._reading(), run, self._view.rows):
                self._shared.over(run)
                self._run = 0
                raise UsageError(f"the run {name} has gone on since it was read: resume it again")

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
        self._leave()

    @property
    def in_place(self) -> bool:
        """False if somebody removed or replaced the journal since it was opened, so that its rows are lost."""
        return self._shared.in_place

    def _leave(self) -> None:
        _left(self._shared, self)

    @property
    def run(self) -> int:
        """The number of this journal's run; 0 before ``begin``."""
        return self._run


_J = TypeVar("_J", bound=Journal)


_gate = threading.RLock()
_open_here: dict[str, Shared] = {}
"""The journals that runs of this process hold open, by their real paths."""
_inherited: list[Shared] = []


def _place(path: Path) -> str:
    return os.path.realpath(path)


def _joined(kind: type[_J], path: Path, connect: Connect, past: bool) -> _J:
    shared = _open_here.get(_place(path))
    try:
        if shared is None:
            shared = _open_here[_place(path)] = taken(path, connect, past)
        view = shared.view()
    except sqlite3.DatabaseError as error:
        raise refusal(path, error) from None
    journal = kind(path, shared, view)
    shared.journals.add(journal)
    return journal


def _left(shared: Shared, journal: Journal) -> None:
    """Take a journal from those that share the writer. The last one frees it. Raises DiskError."""
    if journal not in shared.journals:
        return
    try:
        shared.writer.flush()
    finally:
        with _gate:
            shared.journals.discard(journal)
            shared.over(journal.run)
            if not shared.journals:
                _open_here.pop(_place(journal.path), None)
                shared.close()


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
