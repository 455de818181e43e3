"""The rows of a large file that stay on the disk. They are read when needed, because a list would fill the memory."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from flowrun.dsl import types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

LARGE = 8 * 1024 * 1024
"""The size in bytes from which a file of JSON lines is read in this way."""
BLOCK = 1024
"""The number of rows that are read at once."""
_KEPT = 4
"""The number of blocks that are kept, because several maps may go through the rows, each at its own place."""
Stamp = tuple[int, int | str]
"""The size of a file in bytes, and the time of its last change in nanoseconds. An object of a URL has its version."""


class StoredRows(Sequence[Json]):
    """The rows of a file. All rows are checked against their type at the start. The file must not change afterwards.

    ``digest`` is the file's SHA-256, in hexadecimal. ``place`` is the path or the URL that a journal keeps, and
    ``version`` the version that a server tells of the object of a URL.
    """

    digest: str
    version = ""
    _stamp: Stamp

    def __init__(self, path: Path, item: types.Type, url: str = "") -> None:
        self.path = path
        self.item = item
        self.name = shown(url or str(path))
        self.place = url or os.path.abspath(path)
        self._blocks: dict[int, list[Json]] = {}

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._stamp[0]

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Json]: ...

    def __getitem__(self, index: int | slice) -> Json:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        first = index - index % BLOCK
        block = self._blocks.get(first)
        return (self._loaded(first) if block is None else block)[index - first]

    def _loaded(self, first: int) -> list[Json]:
        """Read a block, and keep it. Of the blocks that are kept, the one that was read first goes."""
        if self._stamped() != self._stamp:
            raise self._changed()
        if len(self._blocks) == _KEPT:
            del self._blocks[next(iter(self._blocks))]
        block = self._blocks[first] = self._read(first, min(first + BLOCK, len(self)))
        return block

    @abstractmethod
    def _read(self, first: int, last: int) -> list[Json]:
        """Read the rows from ``first`` up to and without ``last``. Raises InputError."""

    @abstractmethod
    def _stamped(self) -> Stamp: ...

    def _changed(self) -> InputError:
        return InputError(f"{self.name} has changed while the flow was reading it; run the flow again")


def stamp_of(found: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return found.st_size, found.st_mtime_ns
