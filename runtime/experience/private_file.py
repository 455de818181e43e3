"""A small file of one user, which several processes read and replace as a whole."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LARGEST = 1024 * 1024
_PATIENCE = 1.0
"""The seconds that a process waits for another one that writes. A write takes about a millisecond."""
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class ForeignFileError(Exception):
    """Something else has the name of the file. The text says what it is, as in "a folder"."""


def read(path: Path) -> str | None:
    """Return the text of a file; None if there is no file, or none that this user may read.

    A file of more than a MiB counts as empty text. Raises: ForeignFileError, for a link, a folder, a pipe or a device.
    """
    try:
        found = os.lstat(path)
    except (OSError, ValueError):  # a path with a zero byte is a ValueError
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ForeignFileError(_kind(found.st_mode))
    try:
        number = os.open(path, os.O_RDONLY | _SAFE)
        with os.fdopen(number, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError:
        return None
    return "" if len(data) > _LARGEST else data.decode("utf-8", "replace")


def write(path: Path, text: str) -> None:
    """Replace the file in one step, so that a process that dies here leaves it whole. Call it under the lock.

    The file is not forced to the disk: after a power failure it may be damaged, and then counts as empty.

    Raises: OSError.
    """
    beside = path.with_name(f"{path.name}.tmp")
    with suppress(FileNotFoundError):
        os.unlink(beside)  # of a process that died
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text.encode())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, in a file beside it. The folder is made if it does not exist.

    Raises: OSError, if the lock cannot be had, or if another process holds it for too long.
    """
    from ..files.locks import hold

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                hold(number)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.005)
        yield
    finally:
        os.close(number)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISLNK(mode):
        return "a link"
    return "a pipe" if stat.S_ISFIFO(mode) else "no regular file"
