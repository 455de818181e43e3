"""The table of the limits that the runs of a journal share: a small file beside a journal in a file.

Each turn reads the file under a lock, changes it and writes it. It holds no answer. If it is lost or damaged, it begins
anew, and the runs that go on tell it again what they have. The last run of all removes it.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from ..files.locks import free, hold
from ..vocabulary.errors import DiskError
from .files import LIMITS, file_beside, open_file
from .limit_table import Change

_MOST = 1 << 24
"""The most bytes of the file that are read."""


class FileTable:
    """The table in a file beside a journal."""

    waits = False

    def __init__(self, journal: Path) -> None:
        self._path = Path(os.path.abspath(file_beside(journal, LIMITS)))
        self._file = -1

    def turn(self, endpoint: str, change: Change) -> Any:
        try:
            self._locked()
            try:
                found = self._read()
                state, answer = change(found.get(endpoint), time.monotonic())
                found.pop(endpoint, None)
                if state is not None:
                    found[endpoint] = state
                self._write(found)
            finally:
                if self._file >= 0:
                    free(self._file)
        except BlockingIOError:
            raise
        except OSError as error:
            self.close()
            raise DiskError(f"the file {self._path.name} beside the journal cannot be used: {error.strerror}") from None
        return answer

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _locked(self) -> None:
        """Open the file, and lock it. The last run may have removed it meanwhile."""
        while True:
            if self._file < 0:
                self._file = open_file(self._path, os.O_RDWR | os.O_CREAT)
            hold(self._file)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file), os.stat(self._path)):
                    return
            self.close()

    def _read(self) -> dict[str, Any]:
        """Read the states. A process that was killed may have written a part of them: then nothing is known."""
        os.lseek(self._file, 0, os.SEEK_SET)
        head, _, text = os.read(self._file, _MOST).partition(b"\n")
        if head != b"%08x" % crc32(text):
            return {}
        found = json.loads(text)
        return found if isinstance(found, dict) else {}

    def _write(self, states: dict[str, Any]) -> None:
        if not states:
            with suppress(OSError):
                self._path.unlink()
            self.close()
            return
        text = json.dumps(states, separators=(",", ":")).encode()
        data = b"%08x\n%s" % (crc32(text), text)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, data)
        os.ftruncate(self._file, len(data))
