"""A folder into which a command writes one file for each element of its answer."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .replace import create_beside, put
from .target import Source, encoded, must_be_writable


class Folder:
    """A folder that is checked before anything is paid. It is made if it is missing.

    Each file is replaced in one step. A name in the folder may belong to a regular file, or to a link to a regular file
    in the folder. Any other file of that name stays as it is, and nothing is written outside of the folder.
    """

    def __init__(self, path: Path, suffix: str, sources: Iterable[Source]) -> None:
        """Check the folder. ``suffix`` ends the names of its files; ``sources`` are the files that the command reads.

        Raises: UsageError, if files that the command reads are in the folder under such names; DiskError.
        """
        self.path = path
        self.name = shown(f"{path}/")
        self.real = os.path.realpath(path)
        self._made = False
        if suffix == ".flow":
            raise UsageError(f"{self.name} would get flow files, and no command writes these; give another ending")
        self._read: set[tuple[int, int]] = set()
        for source in sources:
            self._note(source, suffix)
        self._prepare()

    def write(self, name: str, text: str) -> None:
        """Write the whole file ``name``. Raises DiskError, UsageError; the file then stays as it was."""
        path = os.path.join(self.real, name)
        told = shown(str(self.path / name))
        try:
            put(self._target(path, told), encoded(text))
        except OSError as error:
            raise DiskError(f"{told} cannot be written: {error.strerror or error}") from None

    def finish(self) -> None:
        """Do nothing: each file is whole when ``write`` ends."""

    def there(self, rows: int) -> int:
        """Return how many of the first files are there. ``rows`` is the number of those that were written."""
        return rows

    def leave(self) -> None:
        """Remove the folder if this object made it and nothing is in it."""
        if self._made:
            with suppress(OSError):
                os.rmdir(self.real)

    def _note(self, source: Source, suffix: str) -> None:
        with suppress(OSError, ValueError):
            found = os.stat(source)
            if not stat.S_ISREG(found.st_mode):
                return
            self._read.add((found.st_dev, found.st_ino))
            if isinstance(source, Path) and source.suffix.lower() == suffix:
                places = {os.path.realpath(source.parent), os.path.dirname(os.path.realpath(source))}
                if self.real in places:
                    raise UsageError(
                        f"this command reads {shown(str(source))}, and would write other {suffix} files into its "
                        "folder; give another folder"
                    )

    def _prepare(self) -> None:
        try:
            with suppress(FileExistsError):
                os.mkdir(self.real)
                self._made = True
            if not os.path.isdir(self.real):
                raise DiskError(f"{self.name} cannot be a folder: there is a file of that name")
            number, beside = create_beside(os.path.join(self.real, "x"))
            os.close(number)
            os.unlink(beside)
        except FileNotFoundError:
            above = shown(os.path.dirname(self.real))
            raise DiskError(f"{self.name} cannot be made: there is no folder {above}") from None
        except OSError as error:
            raise DiskError(f"{self.name} cannot be written: {error.strerror or error}") from None

    def _target(self, path: str, told: str) -> str:
        """Return the path of the regular file that has this name, or of the new file. Raises DiskError, OSError."""
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return path
        if stat.S_ISLNK(found.st_mode):
            path = os.path.realpath(path)
            if os.path.commonpath([path, self.real]) != self.real:
                raise DiskError(f"{told} is a link that leads out of the folder, and is not followed")
            try:
                found = os.stat(path)
            except FileNotFoundError:
                return path
        if not stat.S_ISREG(found.st_mode):
            raise DiskError(f"{told} is no regular file, and is not replaced")
        if (found.st_dev, found.st_ino) in self._read:
            raise UsageError(f"this command reads {told}, so it is not overwritten; give another folder")
        must_be_writable(path, found, told)
        return path
