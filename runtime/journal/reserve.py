"""A little room that is kept on the disk, so that answers which are under way when it is full can still be written."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from .beside import RESERVE, file_beside, status_of

MOST = 1024 * 1024
SHARE = 4
"""The reserve is at most this part of what is free."""


class Reserve:
    def __init__(self, journal: Path) -> None:
        self._path = file_beside(journal, RESERVE)

    def keep(self) -> None:
        """Take the room, if there is any to spare: a journal works without it. Raises DiskError."""
        try:
            size = min(MOST, shutil.disk_usage(self._path.parent).free // SHARE)
            found = status_of(self._path)
            if found is not None and found.st_size >= size // 2:
                return
            # A file made anew is nobody else's, whatever stood there.
            self._path.unlink(missing_ok=True)
            with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                # Written, not only declared: a hole takes no room.
                file.write(os.urandom(size))
        except OSError:
            self.give()

    def give(self) -> None:
        """Give the room to whoever writes next."""
        with suppress(OSError):
            self._path.unlink()
