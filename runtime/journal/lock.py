"""The lock that lets only one process write a journal. The kernel frees it when that process ends for any reason."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ..files.locks import LOCKS, hold, read_at, write_at
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .files import LOCK, file_beside, open_file

_MOST = 64


class Holder(NamedTuple):
    """The process that holds a journal: its number, or 0 if it is not known."""

    process: int


class Lock:
    """The lock of a journal. ``take`` takes it and ``leave`` gives it back.

    It is a file beside the journal, because SQLite locks parts of the journal itself.
    """

    def __init__(self, journal: Path) -> None:
        self._path = file_beside(journal, LOCK)
        self._journal = journal
        self._file = -1

    def take(self) -> None:
        """Take the lock without waiting.

        Raises: UsageError, if another process holds it; DiskError, if it cannot be made.
        """
        if not LOCKS:
            raise DiskError("a journal needs file locks, and this system has none: use --no-journal")
        try:
            self._file = open_file(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise DiskError(
                f"the lock {shown(str(self._path))} of the journal cannot be opened: {error.strerror}"
            ) from None
        try:
            hold(self._file)
        except OSError:
            holder = _said(self._file)
            self.leave()
            who = f"process {holder.process}" if holder.process else "another process"
            raise UsageError(
                f"{who} is running a flow with this journal, {shown(str(self._journal))}: wait for it, or use "
                "another journal with --journal FILE"
            ) from None
        self._tell()

    def _tell(self) -> None:
        """Write into the lock the number of this process."""
        try:
            os.ftruncate(self._file, 0)
            write_at(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # Only people read this. Writing the journal itself will report a full disk.
            os.ftruncate(self._file, 0)

    def leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def holder_of(journal: Path) -> Holder | None:
    """Return the process that holds this journal at the moment. None if none does.

    Raises: DiskError, if the lock is not a regular file of the user's own.
    """
    try:
        file = open_file(file_beside(journal, LOCK), os.O_RDONLY)
    except OSError:
        return None
    try:
        hold(file, shared=True)
    except OSError:
        return _said(file)
    finally:
        os.close(file)
    return None


def _said(file: int) -> Holder:
    said = read_at(file, _MOST, 0).decode("ascii", "replace").split()
    return Holder(int(said[0]) if said and said[0].isascii() and said[0].isdigit() else 0)
