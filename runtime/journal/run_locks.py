"""The locks of the runs that are under way: a byte of a file beside the journal for each, by the number of the run.

The kernel frees them when their process ends for any reason, so they say which runs are live, whoever writes the
journal. They are record locks of POSIX, which belong to a process: a process loses all of them as soon as it closes any
descriptor of the file. So each process has one descriptor of it, and nothing else opens it.
https://pubs.opengroup.org/onlinepubs/9799919799/functions/fcntl.html
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from ..files.locks import fcntl, free_byte, hold_byte
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .files import RUNS, file_beside, open_file

_USED = 0
"""The byte that each process locks, shared, while it uses the journal. No run has this number."""
_FLOCK = struct.Struct("hhqqi")
"""The C structure ``flock`` of Linux: type, whence, start, length, and the process that holds a lock in the way."""
_TAKEN = (errno.EACCES, errno.EAGAIN)
_MOMENT = 0.2
"""A process that only looks may hold a shared lock for a moment, where the system cannot tell the holder of a lock."""


class RunLocks:
    """The locks of this process on the runs of a journal. Several threads may use them only one after another."""

    def __init__(self, journal: Path) -> None:
        self._path = file_beside(journal, RUNS)
        self._journal = journal
        self._file = -1
        self._mine: set[int] = set()

    def join(self) -> None:
        """Say that this process uses the journal. Raises UsageError if another one is rewriting it; DiskError."""
        self._open()
        try:
            hold_byte(self._file, _USED, shared=True)
        except OSError as error:
            self.leave()
            if error.errno in _TAKEN:
                raise UsageError(
                    f"the journal {shown(str(self._journal))} is being rewritten: try again when that is done"
                ) from None
            raise self._refused("locked", error) from None
        _here[_place(self._journal)] = self

    def alone(self) -> None:
        """Take the whole journal for a rewriting. Raises UsageError if another process uses it; DiskError."""
        if _place(self._journal) in _here:
            raise UsageError(f"a run of this process uses the journal {shown(str(self._journal))}: wait for its end")
        self._open()
        if fcntl is None:
            # Each process that uses a journal there holds the lock of the journal, and so does this one.
            return
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                who = _named(_holder(self._file, 0, 0))
                raise UsageError(
                    f"{who} is running a flow with this journal, {shown(str(self._journal))}: wait for it"
                ) from None
            raise self._refused("locked", error) from None

    def _open(self) -> None:
        try:
            self._file = open_file(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise self._refused("opened", error) from None

    def _refused(self, what: str, error: OSError) -> DiskError:
        return DiskError(f"the file {shown(str(self._path))} of the journal cannot be {what}: {error.strerror}")

    def take(self, run: int, name: str) -> None:
        """Lock a run of this process. Raises UsageError if it is live in another process."""
        end = time.monotonic() + _MOMENT
        while True:
            try:
                hold_byte(self._file, run)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise self._refused("locked", error) from None
                holder = _holder(self._file, run, 1)
                if holder == 0 and time.monotonic() < end:
                    time.sleep(0.01)
                    continue
                raise UsageError(
                    f"the run {name} is still active in {_named(holder)}: wait for its end, then resume it"
                ) from None
            self._mine.add(run)
            return

    def give(self, run: int) -> None:
        """Free a run of this process."""
        if run in self._mine:
            self._mine.discard(run)
            free_byte(self._file, run)

    @property
    def mine(self) -> frozenset[int]:
        """The live runs of this process."""
        return frozenset(self._mine)

    def live(self, runs: Iterable[int]) -> dict[int, int]:
        """Return those of the runs that are live, each with its process; 0 for a process that is not known."""
        return _live(self._file, runs, self._mine)

    def leave(self) -> None:
        """Free everything."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._mine.clear()
        if _here.get(_place(self._journal)) is self:
            del _here[_place(self._journal)]


_here: dict[str, RunLocks] = {}
"""The locks of this process by the real paths of their journals."""


def _place(journal: Path) -> str:
    return os.path.realpath(journal)


def live_runs(journal: Path, runs: Iterable[int]) -> dict[int, int]:
    """Return those of the runs that are live in any process, each with its process; 0 for one that is not known.

    Raises: DiskError, if the file of the locks is not a regular file of the user's own.
    """
    own = _here.get(_place(journal))
    if own is not None:
        return own.live(runs)
    try:
        file = open_file(file_beside(journal, RUNS), os.O_RDONLY)
    except OSError:
        return {}
    try:
        return _live(file, runs, frozenset())
    finally:
        os.close(file)


def _live(file: int, runs: Iterable[int], mine: Iterable[int]) -> dict[int, int]:
    own, found = os.getpid(), dict[int, int]()
    for run in runs:
        holder = own if run in mine else _holder(file, run, 1)
        if holder is not None:
            found[run] = holder
    return found


def _holder(file: int, start: int, length: int) -> int | None:
    """Return the other process that holds a lock in this part of the file; 0 if it is not known, None if none does."""
    if sys.platform == "linux" and fcntl is not None:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, process = _FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else max(process, 0)
    if fcntl is None:
        try:
            hold_byte(file, start)
        except OSError:
            return 0
        free_byte(file, start)
        return None
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, length, start)
    except OSError:
        return 0
    fcntl.lockf(file, fcntl.LOCK_UN, length, start)
    return None


def _named(process: int | None) -> str:
    return f"process {process}" if process else "another process"
