"""The rows of a large file of JSON lines. They are read when needed, because a list would fill the memory."""

from __future__ import annotations

import hashlib
import os
from array import array
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path
from typing import overload
from weakref import finalize

from flowrun.dsl import types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .fitting import Problems, fit, quick_fit
from .rows import read_row

LARGE = 8 * 1024 * 1024
"""The size in bytes from which a file is read in this way."""
_HEAD = 64 * 1024
_BLOCK = 1024
"""The number of rows that are read at once."""


def has_lines(path: Path) -> bool:
    """Tell from the first bytes of a file whether it can be cut at line feeds before it is decoded."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return b"\0" not in head and b"\r" not in head.replace(b"\r\n", b"").removesuffix(b"\r")


class RowFile(Sequence[Json]):
    """The rows of a file. All rows are checked against their type at the start. The file must not change afterwards.

    ``digest`` is the file's SHA-256, in hexadecimal. With ``checked`` the caller knows that rows with the right digest
    fit: then only the rows that are read are checked.
    """

    def __init__(self, path: Path, item: types.Type, *, checked: bool = False) -> None:
        """Open a file and check its rows. Raise InputError if the file cannot be read or a row does not fit."""
        self.path = path
        self.item = item
        self._as_it_is = quick_fit(item)
        self._checked = checked
        self.name = shown(str(path))
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed when nobody holds the rows any more
            finalize(self, self._file.close)
            self._stamp = self._stamped()
            self._starts, self._lines, self.digest = self._read_through()
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}") from None
        self._first = 0
        self._block: list[Json] = []

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._stamp[0]

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Json]: ...

    def __getitem__(self, index: int | slice) -> Json:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        if not self._first <= index < self._first + len(self._block):
            self._load(index - index % _BLOCK)
        return self._block[index - self._first]

    def _read_through(self) -> tuple[array[int], array[int], str]:
        starts, lines = array("Q"), array("Q")
        digest = hashlib.sha256()
        problems = Problems()
        at = 0
        for number, line in enumerate(self._file, 1):
            digest.update(line)
            raw = line.removeprefix(BOM_UTF8) if number == 1 else line
            at += len(line) - len(raw)
            if raw.strip():
                starts.append(at)
                lines.append(number)
                if not self._checked:
                    self._fitted(raw, number, problems)
            at += len(raw)
        starts.append(at)
        problems.stop(self.name)
        return starts, lines, digest.hexdigest()

    def _fitted(self, raw: bytes, line: int, problems: Problems) -> Json:
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.name}:{line}: this line is not text in UTF-8: byte {error.start} is not part of a character"
            ) from None
        value = read_row(text, self.name, line)
        made = self._as_it_is(value)
        return fit(value, self.item, (f"line {line}",), problems) if made is None else made

    def _load(self, first: int) -> None:
        last = min(first + _BLOCK, len(self))
        if self._stamped() != self._stamp:
            raise InputError(f"{self.name} has changed while the flow was reading it; run the flow again")
        problems = Problems()
        block = []
        for at in range(first, last):
            self._file.seek(self._starts[at])
            # Blank lines between two rows belong to the first of them.
            raw = self._file.read(self._starts[at + 1] - self._starts[at])
            block.append(self._fitted(raw, self._lines[at], problems))
        problems.stop(self.name)
        self._first, self._block = first, block

    def _stamped(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns
