"""The rewriting of a journal without some of its runs: into a file beside it, which then takes its place.

A row cannot simply be deleted, because each row's checksum covers all rows before it. So the kept rows get new numbers
and new checksums. A crash at any moment leaves either the old journal or the new one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple

from ..files.locks import REPLACES_OPEN, write_at
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .address import JournalAddress
from .creation import create_table
from .files import HEAD, REWRITE, check_files, file_beside, open_file, status_of
from .head import Head, HeadFile, JournalPlace
from .lock import Lock
from .reading import Evidence, open_mended
from .row_copy import RowCopy
from .rows import check_form
from .run_locks import RunLocks

_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
_AT_ONCE = 2_000


class Sizes(NamedTuple):
    """The rows and the bytes of a journal before and after it was rewritten."""

    rows_before: int
    rows: int
    bytes_before: int
    bytes: int


def rewrite(path: Path, without: Collection[int], *, wipe: bool = False) -> Sizes:
    """Rewrite a journal without the runs of these numbers. With none of them, it only becomes compact.

    ``wipe``: also overwrite the old file with zeros before it is removed. A file system that never writes to the same
    place twice, or a backup, may keep the old bytes all the same. Windows does not replace an open file, so there the
    old bytes stay on the disk until it writes over them.

    Raises: UsageError, if another process uses the journal; DiskError, if it is damaged or cannot be written.
    """
    if isinstance(path, JournalAddress):
        from .postgres.rewriting import rewrite_rows  # it loads the driver of the database

        return Sizes(*rewrite_rows(path, without))
    lock, runs = Lock(path), RunLocks(path)
    try:
        check_files(path)
        lock.take()
        # A process that is about to write for others has no lock yet.
        runs.alone()
        return _rewritten(path, without, wipe=wipe)
    except sqlite3.Error as error:
        raise DiskError(f"the journal {shown(str(path))} cannot be rewritten: {error}; it is as it was") from None
    except OSError as error:
        said = f"the journal {shown(str(path))} cannot be rewritten: {error.strerror}; it is as it was"
        raise DiskError(said) from None
    finally:
        lock.leave()
        runs.leave()


def _rewritten(path: Path, without: Collection[int], *, wipe: bool) -> Sizes:
    signs = Evidence.of(path)
    beside = file_beside(path, REWRITE)
    with ExitStack() as stack:
        reader = stack.enter_context(closing(open_mended(path)))
        before = path.stat().st_size
        if not check_form(reader, path):
            return Sizes(0, 0, before, before)
        with suppress(FileNotFoundError):
            # A rewriting that was killed left it.
            if status_of(beside):
                beside.unlink()
        os.close(open_file(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        stack.callback(beside.unlink, missing_ok=True)
        with closing(sqlite3.connect(beside)) as writer:
            for pragma in ("journal_mode=OFF", "synchronous=FULL"):
                writer.execute(f"PRAGMA {pragma}")
            create_table(writer)
            copy = RowCopy(reader, path, frozenset(without))
            rows = copy.rows()
            while some := [one for _, one in zip(range(_AT_ONCE), rows, strict=False)]:
                writer.executemany(_INSERT, some)
            writer.commit()
        signs.check(reader, path, copy.read)
        reader.close()
        _sync(beside)
        _empty_log(path)
        _replace(path, beside, copy.written, wipe=wipe)
        return Sizes(copy.read.rows, copy.written.rows, before, path.stat().st_size)


def _empty_log(path: Path) -> None:
    """Move the content of the old journal's log into the old journal, so that no log is left for the new one.

    Raises: UsageError, if another process reads the journal.
    """
    with closing(sqlite3.connect(path, timeout=1.0)) as old:
        busy = old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    log = file_beside(path, "-wal")
    if busy or (log.exists() and log.stat().st_size):
        raise UsageError(
            f"another command reads the journal {shown(str(path))} at the moment: try again when it is done"
        )


def _replace(path: Path, beside: Path, last: JournalPlace, *, wipe: bool) -> None:
    old = os.open(path, os.O_RDWR) if wipe and REPLACES_OPEN else -1
    try:
        # The head promises the rows of the old journal. A journal without a head is complete as it stands.
        file_beside(path, HEAD).unlink(missing_ok=True)
        os.replace(beside, path)
        if REPLACES_OPEN:  # Windows opens no folders
            _sync(path.parent)
        HeadFile(path, Head(last, last)).close()
        if old >= 0:
            _wipe(old)
    finally:
        if old >= 0:
            os.close(old)


def _wipe(file: int) -> None:
    size, block = os.fstat(file).st_size, b"\0" * (1 << 20)
    for at in range(0, size, len(block)):
        write_at(file, block[: size - at], at)
    os.fsync(file)


def _sync(path: Path) -> None:
    # Windows syncs only files that are open for writing.
    file = os.open(path, os.O_RDONLY if REPLACES_OPEN else os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)
