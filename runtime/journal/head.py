"""The head of a journal: how many rows it has at least, and the checksum of the last, in a file beside the database.

A database that is cut to nothing, or that lost its log, is a whole and empty database to SQLite. The head lies on
another page of the disk, so that one fault does not take both. It names the last two transactions: the last one may be
torn by a power loss, the one before it may not.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from .beside import HEAD, file_beside, open_file, status_of
from .records import START

_FORM = "flowrun-journal-head 1"
_SIZE = 128


class Mark(NamedTuple):
    """The number of rows, and the checksum of the last of them."""

    rows: int = 0
    sum: bytes = START


class Head(NamedTuple):
    """``last`` is behind the last transaction that was written, ``before`` behind the one before it."""

    before: Mark = Mark()
    last: Mark = Mark()


NO_HEAD = Head()


class UnreadableHead(ValueError):
    """The file holds no head."""


def read_head(journal: Path) -> Head:
    """``NO_HEAD`` where the file is missing, or was made and not filled. Raises UnreadableHead, DiskError, OSError."""
    path = file_beside(journal, HEAD)
    if status_of(path) is None:
        return NO_HEAD
    file = open_file(path, os.O_RDONLY)
    try:
        data = os.pread(file, _SIZE + 1, 0)
    finally:
        os.close(file)
    if not data.strip(b"\0"):
        return NO_HEAD
    try:
        text = data.decode("ascii")
        content, _, check = text.rstrip("\n").rpartition(" ")
        content = content.rstrip()
        form, _, columns = content.partition(": ")
        before_rows, before_sum, last_rows, last_sum = columns.split(" ")
        if len(data) != _SIZE or form != _FORM or check != _check(content):
            raise ValueError
        return Head(
            Mark(int(before_rows), bytes.fromhex(before_sum)),
            Mark(int(last_rows), bytes.fromhex(last_sum)),
        )
    except ValueError:
        raise UnreadableHead(path.name) from None


class HeadFile:
    """Written behind each transaction; the file is made, and is on the disk, before the first."""

    def __init__(self, journal: Path, head: Head) -> None:
        """Raises DiskError, OSError."""
        self._head = head
        self._file = open_file(file_beside(journal, HEAD), os.O_RDWR | os.O_CREAT)
        try:
            os.ftruncate(self._file, _SIZE)
            os.pwrite(self._file, _written(head), 0)
            os.fsync(self._file)
        except BaseException:
            self.close()
            raise

    def move(self, last: Mark) -> None:
        """Name one transaction more, which is on the disk already."""
        self._head = Head(self._head.last, last)
        # One write within one sector, not synced: a head that is behind says less, and nothing false.
        with suppress(OSError):
            os.pwrite(self._file, _written(self._head), 0)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _written(head: Head) -> bytes:
    columns = " ".join(f"{mark.rows} {mark.sum.hex()}" for mark in head)
    content = f"{_FORM}: {columns}"
    # Padded within the line, so that the file keeps its size.
    line = f"{content} {_check(content):>{_SIZE - len(content) - 2}}\n"
    return line.encode()


def _check(content: str) -> str:
    return blake2b(content.encode(), digest_size=8).hexdigest()
