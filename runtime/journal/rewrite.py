"""The rewriting of a journal without some of its runs: into a file beside it, which then takes its place.

A row cannot simply be deleted, because each row's checksum covers all rows before it. So the kept rows get new numbers
and new checksums. A crash at any moment leaves either the old journal or the new one.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import field
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from flowrun.dsl import dataclass

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .beside import HEAD, REWRITE, check_files, file_beside, open_file, status_of
from .creation import create_table
from .head import Head, HeadFile, Mark
from .lock import Lock
from .reading import Evidence, open_mended
from .records import START, Kind
from .rows import check_form, damaged, differs
from .sql import Connection

_HEADS = "SELECT number, run, kind, key, body FROM records WHERE kind IN ('given', 'read', 'content') ORDER BY number"
_ALL = "SELECT number, run, kind, key, place, body, sum FROM records ORDER BY number"
_ONE = "SELECT key, place, body FROM records WHERE number = ?"
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
    place twice, or a backup, may keep the old bytes all the same.

    Raises: UsageError, if another process uses the journal; DiskError, if it is damaged or cannot be written.
    """
    lock = Lock(path)
    try:
        check_files(path)
        lock.take()
        return _rewritten(path, without, wipe=wipe)
    except sqlite3.Error as error:
        raise DiskError(f"the journal {shown(str(path))} cannot be rewritten: {error}; it is as it was") from None
    except OSError as error:
        said = f"the journal {shown(str(path))} cannot be rewritten: {error.strerror}; it is as it was"
        raise DiskError(said) from None
    finally:
        lock.leave()


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
            copy = _Copy(reader, path, frozenset(without))
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


@dataclass(slots=True)
class _Copy:
    """The copying of the rows of a journal. ``read`` and ``written`` mark the last row of the old and new journal."""

    reader: Connection
    path: Path
    without: frozenset[int]
    read: Mark = Mark()
    written: Mark = Mark()
    numbers: dict[int, int] = field(default_factory=dict)
    """The new numbers of the kept runs, by their old numbers."""
    contents: dict[bytes, int] = field(default_factory=dict)
    """The rows of the contents that are not yet copied, by their keys."""

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the columns of the new rows. Raises DiskError where a row of the old journal is damaged."""
        needed = self._needed()
        last, before = 0, START
        self.reader.text_factory = bytes
        for number, run, kind, key, place, body, found in self.reader.execute(_ALL):
            if number != last + 1:
                raise damaged(self.path, f"row {last + 1} is missing")
            letters = len(place.decode("utf-8", "replace"))
            before = _sum(before, number, run, kind, key, letters, place, body)
            if before != found:
                raise differs(self.path, number, kind.decode("utf-8", "replace"), place.decode("utf-8", "replace"))
            last = number
            if run in self.without or kind == Kind.CONTENT.encode():
                continue
            if kind == Kind.RUN.encode():
                self.numbers[run] = self.written.rows + 1
            yield self._row(self.numbers[run], kind, key, place, body)
            if kind == Kind.RUN.encode():
                for content in needed.get(run, ()):
                    if (at := self.contents.pop(content, None)) is not None:
                        held = self.reader.execute(_ONE, (at,)).fetchone()
                        yield self._row(self.numbers[run], Kind.CONTENT.encode(), *held)
        self.read = Mark(last, before)

    def _needed(self) -> dict[int, list[bytes]]:
        """Find the keys of the contents that each kept run uses."""
        needed: dict[int, list[bytes]] = {}
        for number, run, kind, key, body in self.reader.execute(_HEADS):
            if kind == Kind.CONTENT:
                self.contents[key] = number
            elif run not in self.without:
                needed.setdefault(run, []).extend(_contents_of(json.loads(body)))
        return needed

    def _row(self, run: int, kind: bytes, key: bytes, place: bytes, body: bytes) -> tuple[object, ...]:
        number = self.written.rows + 1
        letters = len(place.decode("utf-8", "replace"))
        found = _sum(self.written.sum, number, run, kind, key, letters, place, body)
        self.written = Mark(number, found)
        return number, run, kind.decode(), key, place.decode(), body.decode(), found


def _contents_of(body: Json) -> Iterator[bytes]:
    """Yield the keys of the contents that a row names."""
    if isinstance(body, dict):
        for name in ("plan", "inputs", "content"):
            if isinstance(digest := body.get(name), str):
                with suppress(ValueError):
                    yield bytes.fromhex(digest)


def _sum(
    before: bytes, number: int, run: int, kind: bytes, key: bytes, letters: int, place: bytes, body: bytes
) -> bytes:
    head = b"%b%d %d %b %d %d\n" % (before, number, run, kind, len(key), letters)
    return blake2b(b"".join((head, key, place, body)), digest_size=8).digest()


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


def _replace(path: Path, beside: Path, last: Mark, *, wipe: bool) -> None:
    old = os.open(path, os.O_RDWR) if wipe else -1
    try:
        # The head promises the rows of the old journal. A journal without a head is complete as it stands.
        file_beside(path, HEAD).unlink(missing_ok=True)
        os.replace(beside, path)
        _sync(path.parent)
        HeadFile(path, Head(last, last)).close()
        if wipe:
            _wipe(old)
    finally:
        if old >= 0:
            os.close(old)


def _wipe(file: int) -> None:
    size, block = os.fstat(file).st_size, b"\0" * (1 << 20)
    for at in range(0, size, len(block)):
        os.pwrite(file, block[: size - at], at)
    os.fsync(file)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
