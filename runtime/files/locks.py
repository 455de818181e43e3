"""Locks of open files, on Unix and on Windows. The system frees them when their process ends for any reason.

Unix has locks of whole files and of single bytes, alone or shared. Windows has locks of single bytes, alone:
https://docs.python.org/3/library/msvcrt.html#msvcrt.locking. It lets nobody else read or write a locked byte, so the
byte that stands for a whole file lies far behind its content.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Any

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ImportError:
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

LOCKS = fcntl is not None or msvcrt is not None
"""True if this system has locks of files."""
REPLACES_OPEN = fcntl is not None
"""True if an open file can be renamed or replaced. Windows refuses that."""
BINARY: int = getattr(os, "O_BINARY", 0)
"""The flag of ``os.open`` without which Windows changes line ends."""
_WHOLE = 1 << 30
"""The byte that stands for a whole file on Windows. No lock of a byte has this number."""


def hold(file: int, *, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file until it is closed, alone or together with others who share it.

    Raises: OSError, if another process holds it; BlockingIOError of these, with ``wait`` False.
    """
    if fcntl is not None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    else:
        _lock(file, _WHOLE, wait=wait)


def free(file: int) -> None:
    """Give up a lock of an open file that stays open."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        free_byte(file, _WHOLE)


def hold_byte(file: int, at: int, *, shared: bool = False) -> None:
    """Lock a byte of an open file; it need not exist. Raises: OSError, if another process holds it."""
    if fcntl is not None:
        fcntl.lockf(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, at)
    elif not shared:
        # Nobody is kept out by a lock that is shared, so Windows does without.
        _lock(file, at, wait=False)


def free_byte(file: int, at: int) -> None:
    """Give up a lock of a byte."""
    if fcntl is not None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, at)
    else:
        with suppress(OSError):
            os.lseek(file, at, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)


def _lock(file: int, at: int, *, wait: bool) -> None:
    if msvcrt is None:
        raise OSError(errno.ENOLCK, "this system has no locks of files")
    try:
        os.lseek(file, at, os.SEEK_SET)
        # LK_LOCK tries ten times, once a second.
        msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    except OSError as error:
        raise BlockingIOError(errno.EAGAIN, error.strerror or "another process holds the lock") from None
    finally:
        os.lseek(file, 0, os.SEEK_SET)


def read_at(file: int, size: int, at: int) -> bytes:
    """Read some bytes of an open file from a place. No other thread may use the file meanwhile."""
    if hasattr(os, "pread"):
        return os.pread(file, size, at)
    os.lseek(file, at, os.SEEK_SET)
    return os.read(file, size)


def write_at(file: int, data: bytes, at: int) -> int:
    """Write bytes at a place of an open file, and return their number. No other thread may use the file meanwhile."""
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, at)
    os.lseek(file, at, os.SEEK_SET)
    return os.write(file, data)
