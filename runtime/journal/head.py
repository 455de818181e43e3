"""The head of a journal: a small file with the number of rows that the journal must have and the last row's checksum.

SQLite takes a database that was cut to nothing, or that lost its log, for complete and empty. The head is on another
page of the disk, so that one fault does not destroy both. It names the last two transactions, because a power loss may
tear the last one, but not the one before it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ..files.locks import read_at, write_at
from .files import HEAD, file_beside, open_file, status_of
from .records import START

_FORM = "flowrun-journal-head 1"
_SIZE = 128


class JournalPlace(NamedTuple):
    """A place in a journal: the number of rows up to this place, and the checksum of the last of them."""

    rows: int = 0
    sum: bytes = START


class Head(NamedTuple):
    """Two places in a journal. ``last`` is the end of the last transaction, ``before`` the end of the one before it."""

    before: JournalPlace = JournalPlace()
    last: JournalPlace = JournalPlace()


NO_HEAD = Head()


class UnreadableHead(ValueError):
    """The error for a head file without a readable head."""


def read_head(journal: Path) -> Head:
    """Read the head of a journal. Return ``NO_HEAD`` if its file is missing or was never filled."""
    path = file_beside(journal, HEAD)
    if status_of(path) is None:
        return NO_HEAD
    file = open_file(path, os.O_RDONLY)
    try:
        data = read_at(file, _SIZE + 1, 0)
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
            JournalPlace(int(before_rows), bytes.fromhex(before_sum)),
            JournalPlace(int(last_rows), bytes.fromhex(last_sum)),
        )
    except ValueError:
        raise UnreadableHead(path.name) from None


class HeadFile:
    """The writer of the journal's head file. It is on the disk before the first transaction, and changes with each."""

    def __init__(self, journal: Path, head: Head) -> None:
        """Create the file, or overwrite it, with this head. Raises DiskError, OSError."""
        self._head = head
        self._file = open_file(file_beside(journal, HEAD), os.O_RDWR | os.O_CREAT)
        try:
            os.ftruncate(self._file, _SIZE)
            write_at(self._file, _written(head), 0)
            os.fsync(self._file)
        except BaseException:
            self.close()
            raise

    def move(self, last: JournalPlace) -> None:
        """Record one more transaction. It must be on the disk already."""
        self._head = Head(self._head.last, last)
        # This is one write within one sector, without a sync. An old head promises fewer rows, which is still true.
        with suppress(OSError):
            write_at(self._file, _written(self._head), 0)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _written(head: Head) -> bytes:
    columns = " ".join(f"{mark.rows} {mark.sum.hex()}" for mark in head)
    content = f"{_FORM}: {columns}"
    # The line is padded, so that the file keeps its size.
    line = f"{content} {_check(content):>{_SIZE - len(content) - 2}}\n"
    return line.encode()


def _check(content: str) -> str:
    return blake2b(content.encode(), digest_size=8).hexdigest()
