"""The rows of a large file of CSV. They are read when needed, because a list would fill the memory."""

from __future__ import annotations

import hashlib
import os
from array import array
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO
from weakref import finalize

from flowrun.dsl import types

from ..files.decoding import BOM
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.remarks import Tell, unheard
from .dialects import DIALECT_CHARACTERS, dialect_of
from .rows import more_rows, table_of
from .stored_rows import BLOCK, Stamp, StoredRows, stamp_of
from .typed_rows import fit_each, must_have

_HEAD = 4 * DIALECT_CHARACTERS + 4096
"""The bytes that surely hold the characters in which a dialect is looked for."""


class NotInLines(InputError):
    """A file cannot be cut at line feeds before it is decoded. A reader of the whole text can tell more."""


class TableFile(StoredRows):
    """The rows of a file of CSV in UTF-8, whose lines end in line feeds.

    With ``checked`` the caller knows that rows with the right digest fit: then only the rows that are read are checked.
    """

    def __init__(self, path: Path, item: types.Type, *, checked: bool = False, tell: Tell = unheard) -> None:
        """Open a file and check its rows. ``tell`` is called with an assumption that the file cannot confirm.

        Raises: NotInLines; InputError if the file cannot be read or a row does not fit.
        """
        super().__init__(path, item)
        # Rows are read from the beginnings of blocks only. So no row needs a place of its own.
        self._starts, self._above = array("Q"), array("Q")
        self._count = 0
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed when nobody holds the rows any more
            finalize(self, self._file.close)
            self._stamp = self._stamped()
            head = self._file.read(_HEAD)
            text = self._decoded_head(head.removeprefix(BOM_UTF8))
            self._dialect = dialect_of(text, str(path))
            if self._dialect.assumed:
                tell(f"{self.name}: {self._dialect.assumed}")
            self._read_through(text, checked=checked)
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}") from None

    def __len__(self) -> int:
        return self._count

    def _decoded_head(self, head: bytes) -> str:
        try:
            text = getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError:
            raise self._not_in_lines() from None
        if text.startswith(BOM):
            raise self._not_in_lines()
        return text.replace("\r\n", "\n").removesuffix("\r")

    def _read_through(self, head: str, *, checked: bool) -> None:
        above = head.count("\n", 0, self._dialect.start)
        self._file.seek(0)
        lines = _Lines(self._file)
        texts = map(self._decoded, lines)
        for _ in range(above):
            next(texts)
        self._table = table_of(texts, self.name, self._dialect, above)
        rows = self._marked(lines)
        first = next(rows, None)
        if first is not None:
            must_have(self._table.columns, self.item, self.name)
            found = chain((first,), rows)
            for _ in found if checked else fit_each(found, self.item, self.name, cells=True):
                pass
        self.digest = lines.digest.hexdigest()

    def _marked(self, lines: _Lines) -> Iterator[tuple[int, Json]]:
        """Yield the rows, and note the beginning of each block."""
        at, above = lines.at, lines.number
        for row in self._table.rows:
            if self._count % BLOCK == 0:
                self._starts.append(at)
                self._above.append(above)
            self._count += 1
            at, above = lines.at, lines.number
            yield row

    def _read(self, first: int, last: int) -> list[Json]:
        block = first // BLOCK
        self._file.seek(self._starts[block])
        texts = map(self._decoded, self._file)
        rows = more_rows(self._table, texts, self.name, self._dialect, self._above[block])
        return list(fit_each(islice(rows, last - first), self.item, self.name, cells=True))

    def _decoded(self, line: bytes) -> str:
        if line.endswith(b"\r\n"):
            line = line[:-2] + b"\n"
        elif line.endswith(b"\r"):
            line = line[:-1] + b"\n"  # the last line of the file
        if b"\r" in line or b"\0" in line:
            raise self._not_in_lines()
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise self._not_in_lines() from None

    def _not_in_lines(self) -> NotInLines:
        return NotInLines(f"{self.name} is not a table in UTF-8 with lines that end in line feeds")

    def _stamped(self) -> Stamp:
        return stamp_of(os.fstat(self._file.fileno()))


class _Lines:
    """The lines of a file from its beginning, without its byte-order mark.

    ``at`` is the place behind the last line that was read, and ``number`` its number.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.at = self.number = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            self.digest.update(line)
            self.at += len(line)
            self.number += 1
            yield line.removeprefix(BOM_UTF8) if self.number == 1 else line
