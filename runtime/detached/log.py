"""The log of a detached run: its standard error in two files of bounded size, and the reading of it as it grows."""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..journal.files import open_file
from .places import LOG, OLD_LOG

MOST = 512 * 1024
"""The bytes after which a log goes on in a new file. The file before it is kept, and the one before that is not."""
_STDERR = 2


class Log(io.FileIO):
    """The standard error of a detached run. It writes to the descriptor 2, as libraries in C do."""

    def __init__(self, folder: Path, run: str) -> None:
        super().__init__(_STDERR, "w", closefd=False)
        self._path = folder / f"{run}{LOG}"
        self._old = folder / f"{run}{OLD_LOG}"
        self._turning = threading.Lock()

    def write(self, data: Any, /) -> int:
        """Write to the log. A full disk does not end the run."""
        with suppress(OSError):
            super().write(data)
            self.turn()
        return len(data)

    def turn(self) -> None:
        """Go on in a new file if this one is full."""
        with self._turning, suppress(OSError):
            if os.fstat(_STDERR).st_size < MOST:
                return
            os.replace(self._path, self._old)
            file = open_file(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            os.dup2(file, _STDERR)
            os.close(file)


class Tail:
    """The lines of a log, as far as they are written. ``rest`` says that only lines from here on count."""

    def __init__(self, folder: Path, run: str, *, rest: bool = False) -> None:
        self._path = folder / f"{run}{LOG}"
        self._file = -1
        self._line = b""
        if rest:
            self._open()
            self._whole()
            self._line = b""
            return
        with suppress(OSError):
            self._file = open_file(folder / f"{run}{OLD_LOG}", os.O_RDONLY)

    def read(self) -> list[str]:
        """Return the whole lines since the last reading."""
        data = self._line + self._whole()
        while self._turned():
            # Lines may have come before the turn.
            data += self._whole()
            self.close()
            self._open()
            data += self._whole()
            if self._file < 0:
                break
        *lines, self._line = data.split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

    def last(self) -> list[str]:
        """Return the lines since the last reading, with one that has no end."""
        lines = self.read()
        return [*lines, self._line.decode("utf-8", "replace")] if self._line else lines

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        with suppress(OSError):
            self._file = open_file(self._path, os.O_RDONLY)

    def _turned(self) -> bool:
        """Tell whether the log goes on in another file."""
        if self._file < 0:
            return os.path.lexists(self._path)
        with suppress(OSError):
            return os.fstat(self._file).st_ino != os.lstat(self._path).st_ino
        return False

    def _whole(self) -> bytes:
        found = []
        while self._file >= 0 and (data := os.read(self._file, 65536)):
            found.append(data)
        return b"".join(found)
