"""A path to which a command writes. It is checked before anything is paid, and is no file that the command reads."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import pattern

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import inert, shown
from .pipe import Pipe
from .replace import create_beside, put

Source = Path | int
"""A file that a command reads: a path, or the number of an open file."""
READER = 5.0
"""The seconds to wait for the reader of a pipe."""
_FLAGS = os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN_FILES = pattern(r"/dev/fd|/proc/(?:self|(?P<process>\d+))(?:/task/\d+)?/fd")
_MOST_LINKS = 40
_READ_ONLY = "it is read-only, and is not changed: make it writable, or give another name"


class Target:
    """The target of a command's output.

    It may be a file, a link, a device, a pipe, or an open file such as /dev/stdout.

    ``real`` is the path of a regular file, at the end of all links; ``pipe`` stands for any other target. One of the
    two is set. A regular file is replaced in one step, and only by a complete file.
    """

    def __init__(self, path: Path, sources: Iterable[Source] = ()) -> None:
        """Check that ``path`` can be written. ``sources`` are the files that the command reads.

        Raises: UsageError, if a flow or a source would be overwritten; DiskError, if the path cannot be written: a
        folder, a read-only file, a pipe without a reader, or a path in a missing folder.
        """
        self.path = path
        self.name = shown(str(path))
        self.sources = tuple(sources)
        self.pipe: Pipe | None = None
        self.real = ""
        number = open_file(str(path))
        if number is not None:
            self.pipe = self._joined(number)
            return
        found = self._looked_at()
        if found is None or stat.S_ISREG(found.st_mode):
            self._tried(found)
        else:
            self.pipe = self._opened(found)

    def write(self, text: str | Iterable[str]) -> None:
        """Write a whole text in UTF-8, from one piece or many.

        Raises DiskError, UsageError, also if the path leads elsewhere since the check. An error of the pieces leaves a
        regular file as it was.
        """
        pieces = (text,) if isinstance(text, str) else text
        try:
            if self.pipe is not None:
                for piece in pieces:
                    self.pipe.write(self.encoded(piece))
                    self.pipe.finish()
            else:
                self.look_again()
                put(self.real, map(encoded, pieces))
        except OSError as error:
            raise self.trouble(error) from None
        finally:
            # The reader of a pipe waits for the close.
            self.close()

    def encoded(self, text: str) -> bytes:
        """Encode a text. For a terminal, make the characters that would control it visible."""
        return encoded(inert(text) if self.pipe is not None and self.pipe.is_terminal else text)

    def look_again(self) -> None:
        """Check the path again. Raises DiskError, UsageError if it leads to another file or may not be replaced."""
        before = self.real
        found = self._looked_at()
        if self.real != before or not (found is None or stat.S_ISREG(found.st_mode)):
            raise DiskError(f"{self.name} was replaced by another file meanwhile, and is not changed")
        if found is not None:
            must_be_writable(self.real, found, self.name)

    def close(self) -> None:
        if self.pipe is not None:
            self.pipe.close()

    def trouble(self, error: OSError) -> DiskError:
        return DiskError(f"{self.name} cannot be written: {error.strerror or error}")

    def _looked_at(self) -> os.stat_result | None:
        """Return the status of the file at the end of all links; None without a file. Raises UsageError, DiskError."""
        self.real = os.path.realpath(self.path)
        if any(name.lower().endswith(".flow") for name in (str(self.path), self.real)):
            raise UsageError(
                f"{self.name} is a flow file or has the name of a flow file, and is not overwritten; give another name"
            )
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            # A source that does not exist yet, such as a fresh journal, can only be compared by its path.
            if self.real in [os.path.realpath(one) for one in self.sources if isinstance(one, Path)]:
                raise self._read() from None
            return None
        except (OSError, ValueError) as error:
            raise self.trouble(error if isinstance(error, OSError) else OSError(str(error))) from None
        if stat.S_ISDIR(found.st_mode):
            raise DiskError(f"{self.name} is a folder, not a file")
        self._must_not_be_read(found)
        return found

    def reads(self, found: os.stat_result) -> bool:
        """Tell whether the command reads this file, under any name."""
        for source in self.sources:
            with suppress(OSError, ValueError):
                if os.path.samestat(found, os.stat(source)):
                    return True
        return False

    def _must_not_be_read(self, found: os.stat_result) -> None:
        if stat.S_ISREG(found.st_mode) and self.reads(found):
            raise self._read()

    def _read(self) -> UsageError:
        return UsageError(f"this command reads {self.name}, so it is not overwritten; give another name")

    def _tried(self, found: os.stat_result | None) -> None:
        """Check that a file can be written there, without changing the existing file. Raises DiskError."""
        try:
            if found is not None:
                must_be_writable(self.real, found, self.name)
                os.close(os.open(self.real, _FLAGS))
            number, beside = create_beside(self.real)
            os.close(number)
            os.unlink(beside)
        except FileNotFoundError as error:
            folder = shown(os.path.dirname(self.real))
            raise DiskError(f"{self.trouble(error)}; there is no folder {folder}") from None
        except OSError as error:
            raise self.trouble(error) from None

    def _joined(self, number: int) -> Pipe:
        """Continue to write a file that this process has open.

        It is not replaced, because others may write to it as well.
        """
        import fcntl  # not on every system

        try:
            writes = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
            if not writes:
                raise DiskError(f"{self.name} is open, but not for writing")
            self._must_not_be_read(os.fstat(number))
            return Pipe(os.dup(number))
        except OSError as error:
            raise self.trouble(error) from None

    def _opened(self, found: os.stat_result) -> Pipe:
        if stat.S_ISBLK(found.st_mode):
            raise DiskError(f"{self.name} is a disk, and its content would be overwritten; give another name")
        if stat.S_ISSOCK(found.st_mode):
            raise DiskError(f"{self.name} is a socket, not a file")
        try:
            number = self._opened_by_then() if stat.S_ISFIFO(found.st_mode) else os.open(self.path, _FLAGS)
        except OSError as error:
            raise self.trouble(error) from None
        if os.path.samestat(os.fstat(number), found):
            return Pipe(number)
        os.close(number)
        raise DiskError(f"{self.name} was replaced by another file meanwhile, and is not changed")

    def _opened_by_then(self) -> int:
        """Open a pipe. That works only while it has a reader, so wait some seconds for one."""
        until = time.monotonic() + READER
        while True:
            try:
                return os.open(self.path, _FLAGS)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            if time.monotonic() > until:
                raise DiskError(f"{self.name} is a pipe without a reader: start the reader first")
            time.sleep(0.05)


def open_file(path: str) -> int | None:
    """Return the number of the open file behind a path such as /dev/stdout or /proc/self/fd/3. None for other paths.

    The path may also be a link to such a path.
    """
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(path)
        found = _OPEN_FILES.fullmatch(os.path.realpath(folder)) if name.isdecimal() else None
        if found is not None and found["process"] in (None, str(os.getpid())):
            return int(name)
        try:
            path = os.path.join(folder, os.readlink(path))
        except (OSError, ValueError):
            return None
    return None


def must_be_writable(path: str, found: os.stat_result, name: str) -> None:
    """Raise DiskError if a file is read-only. ``found`` is its status, and ``name`` its name in messages."""
    # The system lets its administrator write read-only files, but a file that somebody made read-only must stay so.
    if not found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise DiskError(f"{name} cannot be written: {_READ_ONLY}")


def encoded(text: str) -> bytes:
    """Encode a text in UTF-8. Half of a surrogate pair, which UTF-8 cannot encode, becomes an escape."""
    return text.encode("utf-8", "backslashreplace")
