"""The rows of a large file of JSON lines. They are read when needed, because a list would fill the memory."""

from __future__ import annotations

import hashlib
import os
from array import array
from codecs import BOM_UTF8
from io import BufferedReader
from itertools import accumulate
from pathlib import Path
from weakref import finalize

from flowrun.dsl import types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from .fitting import Problems, fit, quick_fit
from .rows import read_row
from .stored_rows import Stamp, StoredRows, stamp_of

_HEAD = 64 * 1024


def has_lines(path: Path) -> bool:
    """Tell from the first bytes of a file whether it can be cut at line feeds before it is decoded."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return b"\0" not in head and b"\r" not in head.replace(b"\r\n", b"").removesuffix(b"\r")


class RowFile(StoredRows):
    """The rows of a file of JSON lines.

    With ``checked`` the caller knows that rows with the right digest fit: then only the rows that are read are checked.
    """

    def __init__(self, path: Path, item: types.Type, *, checked: bool = False, url: str = "") -> None:
        """Open a file and check its rows. Raise InputError if the file cannot be read or a row does not fit."""
        super().__init__(path, item, url)
        self._as_it_is = quick_fit(item)
        self._checked = checked
        try:
            self._file = self._opened()
            finalize(self, self._file.close)
            self._stamp = self._stamped()
            self._starts, self._lines, self.digest = self._read_through()
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}") from None

    def __len__(self) -> int:
        return len(self._lines)

    def _opened(self) -> BufferedReader:
        """Open the file. It is closed when nobody holds the rows any more."""
        return open(self.path, "rb")

    def _read_through(self) -> tuple[array[int], array[int], str]:
        starts, lines = array("Q"), array("Q")
        digest = hashlib.sha256()
        problems = Problems()
        at = number = 0
        while block := self._file.readlines(_HEAD):
            digest.update(b"".join(block))
            if number and self._checked and all(map(bytes.strip, block)):
                # A run that goes on has checked its rows before.
                *begins, end = accumulate(map(len, block), initial=at)
                starts.extend(begins)
                lines.extend(range(number + 1, number + len(block) + 1))
                at, number = end, number + len(block)
                continue
            for line in block:
                number += 1
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

    def _read(self, first: int, last: int) -> list[Json]:
        problems = Problems()
        block = []
        for at in range(first, last):
            self._file.seek(self._starts[at])
            # Blank lines between two rows belong to the first of them.
            raw = self._file.read(self._starts[at + 1] - self._starts[at])
            block.append(self._fitted(raw, self._lines[at], problems))
        problems.stop(self.name)
        return block

    def _stamped(self) -> Stamp:
        return stamp_of(os.fstat(self._file.fileno()))
