"""One writer for a journal: a lock of the kernel's, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DiskError, UsageError
from ..files import shown

try:
    import fcntl
except ImportError:  # a system without flock
    fcntl = None  # type: ignore[assignment]


class Lock:
    """Held from ``take`` to ``leave``. It lies beside the journal, for SQLite locks parts of that file itself."""

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(f"{journal.name}.lock")
        self._journal = journal
        self._file = -1

    def take(self) -> None:
        """Raises UsageError at once where another process holds it, DiskError where it cannot be made."""
        if fcntl is None:
            raise DiskError("a journal needs locks of the kernel's, and this system has none: use --no-journal")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise DiskError(f"the journal cannot be opened: {shown(str(self._path))}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip()
            self.leave()
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise UsageError(
                f"{who} is running a flow with this journal, {shown(str(self._journal))}: wait for it, "
                "or keep this run in another one with --journal FILE"
            ) from None
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            # Who holds it is told for people only; a full disk is met again where it matters.
            os.ftruncate(self._file, 0)

    def leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def is_held(journal: Path) -> bool:
    """Whether some process runs a flow with this journal at this moment."""
    try:
        file = os.open(journal.with_name(f"{journal.name}.lock"), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
