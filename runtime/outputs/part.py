"""A part file. Rows are written into it while they arrive. It moves to its place when all rows have arrived."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from ..files.locks import REPLACES_OPEN, hold
from .replace import create_beside, settle
from .target import Target

_MOST = 100
"""The most part files of one file."""
_BLOCK = 1 << 20


class PartFile:
    """A part file, called ``x.jsonl.part``, or ``x.jsonl.2.part`` if that exists already, and so on.

    A part file that an earlier run left is removed when this one contains all of its content.
    """

    def __init__(self, target: Target) -> None:
        """Create the part file. ``target`` must be a regular file, or not exist yet. Raises OSError."""
        self.target = target
        number, self.path = self._created()
        self._file = os.fdopen(number, "wb")
        _held(number)

    def write(self, data: bytes) -> None:
        """Write some rows. Raises OSError."""
        self._file.write(data)

    def finish(self) -> None:
        """Move the part file to its place. Raises OSError, DiskError, UsageError; the part file then keeps the rows."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.target.look_again()
        if not REPLACES_OPEN:
            self._file.close()
        settle(self.path, self.target.real)
        self._file.close()
        self._tidy(self.target.real)

    def leave(self, *, empty: bool) -> None:
        """Close the part file and keep it with its rows. If it is ``empty``, remove it."""
        with suppress(OSError):
            self._file.close()
        if not os.path.lexists(self.path):
            return
        if empty:
            with suppress(OSError):
                os.unlink(self.path)
        else:
            self._tidy(self.path)

    def _created(self) -> tuple[int, str]:
        for name in self._names():
            with suppress(FileExistsError):
                return create_beside(self.target.real, name)
        raise FileExistsError(None, f"{_MOST} part files of it exist already: check them, and delete them")

    def _names(self) -> Iterator[str]:
        name = os.path.basename(self.target.real)
        yield f"{name}.part"
        yield from (f"{name}.{number}.part" for number in range(2, _MOST + 1))

    def _tidy(self, whole: str) -> None:
        """Remove other part files if all of their content is the beginning of the file ``whole``."""
        for name in self._names():
            path = os.path.join(os.path.dirname(whole), name)
            if path == whole or os.path.islink(path) or not os.path.isfile(path) or self.target.reads(os.stat(path)):
                continue
            with suppress(OSError), open(path, "rb") as part:
                # A run holds the lock of the part that it still writes.
                if not (_held(part.fileno()) and _is_head(part.fileno(), whole)):
                    continue
                if not REPLACES_OPEN:
                    part.close()
                os.unlink(path)


def _held(number: int) -> bool:
    """Take the lock of a file. Return False if another process holds it."""
    try:
        hold(number)
    except OSError:
        return False
    return True


def _is_head(number: int, whole: str) -> bool:
    with open(number, "rb", closefd=False) as part, open(whole, "rb") as file:
        while block := part.read(_BLOCK):
            if file.read(len(block)) != block:
                return False
    return True
