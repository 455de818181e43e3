"""Puts a whole file in the place of another in one step: whoever reads it sees the old or the new, never a half.

A file that was there keeps its mode, its owner and its other attributes; one that has other names, or an owner whom
this user cannot give it, is written into instead.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_HELD = frozenset({errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES})
"""The errors of a rename onto a file that stands where it is for good, such as one that a container is given."""


def put(target: str, data: bytes) -> None:
    """Write a file. ``target`` is no link; what it leads to is a regular file, or nothing yet. Raises OSError."""
    number, beside = create_beside(target)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        settle(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def put_new(target: str, data: bytes) -> None:
    """Write a file where nothing is, not even a link. Raises FileExistsError, OSError."""
    number = os.open(target, _CREATE, 0o666)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
    except BaseException:
        with suppress(OSError):
            os.unlink(target)
        raise


def create_beside(target: str, name: str = "") -> tuple[int, str]:
    """A file of its own in the folder of ``target``, open to be written, and its path. Raises OSError.

    Nobody else may read it while what it replaces is private.
    """
    path = os.path.join(os.path.dirname(target), name or f".flowrun-{os.urandom(8).hex()}.tmp")
    return os.open(path, _CREATE, 0o600 if os.path.lexists(target) else 0o666), path


def settle(beside: str, target: str) -> None:
    """Move a whole file to its place. Raises OSError; the file then stays where it was."""
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        os.replace(beside, target)
        return
    if found.st_nlink > 1 or not _made_like(beside, target, found):
        _pour(beside, target)
        return
    try:
        os.replace(beside, target)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        _pour(beside, target)


def _made_like(beside: str, target: str, found: os.stat_result) -> bool:
    """Whether the file could be given owner, mode and attributes of the one that it replaces."""
    import shutil  # few calls write, and this is slow to load

    own = os.stat(beside)
    try:
        if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
            os.chown(beside, found.st_uid, found.st_gid)
        shutil.copystat(target, beside)
        os.utime(beside)
    except OSError:
        return False
    return True


def _pour(beside: str, target: str) -> None:
    """Write into the file itself, which is something that a file put in its place would not be."""
    import shutil

    with open(beside, "rb") as whole, open(target, "r+b") as file:
        shutil.copyfileobj(whole, file)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    os.unlink(beside)
