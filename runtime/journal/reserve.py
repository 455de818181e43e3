"""A reserve of space on the disk, so that answers under way can still be written when the disk is full."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .files import RESERVE, file_beside, status_of

MOST = 1024 * 1024
SHARE = 4
"""The reserve takes at most one part in this many of the free room."""


class Reserve:
    def __init__(self, journal: Path) -> None:
        self._path = file_beside(journal, RESERVE)

    def keep(self) -> None:
        """Take the space, if the disk has enough. A journal also works without it. Raises DiskError."""
        try:
            size = min(MOST, _room(self._path.parent) // SHARE)
            found = status_of(self._path)
            if found is not None and found.st_size >= size // 2:
                return
            # A new file belongs to nobody else, whatever was there before.
            self._path.unlink(missing_ok=True)
            with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                # The file gets real bytes, because a sparse file would take no space.
                file.write(os.urandom(size))
        except OSError:
            self.give()

    def give(self) -> None:
        """Free the space for the next write."""
        with suppress(OSError):
            self._path.unlink()


def _room(folder: Path) -> int:
    """Return the free bytes of a disk. Raises OSError."""
    if hasattr(os, "statvfs"):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
    import shutil  # slow to load, and only for systems without statvfs

    return shutil.disk_usage(folder).free
