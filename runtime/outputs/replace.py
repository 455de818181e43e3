"""The replacement of a file in one step. A reader sees the old content or the new, and never a mixture.

The file keeps its mode, its owner and its other attributes. If it has other names, or an owner that this user cannot
set, the content is written into the existing file instead.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_HELD = frozenset({errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES})
"""The errors of a rename onto a file that cannot be replaced, such as a file that is mounted into a container."""


def put(target: str, data: bytes | Iterable[bytes]) -> None:
    """Write a whole file, from one piece or many. ``target`` must be a regular file or a free name, and not a link.

    Raises OSError.
    """
    number, beside = create_beside(target)
    try:
        with os.fdopen(number, "wb") as file:
            file.writelines((data,) if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        settle(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def put_new(target: str, data: bytes) -> None:
    """Write a file under a name that is free. Raises FileExistsError if anything has the name, even a link; OSError."""
    number = os.open(target, _CREATE, 0o666)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
    except BaseException:
        with suppress(OSError):
            os.unlink(target)
        raise


def create_beside(target: str, name: str = "") -> tuple[int, str]:
    """Create a file in the folder of ``target``. Return its number, open for writing, and its path. Raises OSError.

    If ``target`` exists, only this user may read the new file for now, because the old one may be private.
    """
    path = os.path.join(os.path.dirname(target), name or f".flowrun-{os.urandom(8).hex()}.tmp")
    return os.open(path, _CREATE, 0o600 if os.path.lexists(target) else 0o666), path


def settle(beside: str, target: str) -> None:
    """Move the complete file ``beside`` to its place. Raises OSError; the file then stays where it was."""
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
    """Give the file the owner, mode and attributes of the file that it replaces. Return False if that fails."""
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
    """Copy the content into the existing file, if a renamed file could not have the same owner and names."""
    import shutil

    with open(beside, "rb") as whole, open(target, "r+b") as file:
        shutil.copyfileobj(whole, file)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    os.unlink(beside)
