"""The opening of a journal for writing: by its lock, or by the process that has the lock."""

from __future__ import annotations

import time
from pathlib import Path

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .creation import ELSEWHERE, make_folder
from .files import check_files
from .index import Index
from .lock import Lock
from .reading import Connect
from .shared import Shared

_PATIENCE = 2.0
"""The seconds for a process that has the lock to open its socket. One that rewrites the journal has none."""
_PAUSE = 0.01


def taken(path: Path, connect: Connect, past: bool) -> Shared:
    """Take the lock of a journal, or reach the process that has it. Raises UsageError, DiskError."""
    shared, lock = Shared(path, connect, Index.empty(past=past)), Lock(path)
    try:
        check_files(path)
        make_folder(path.parent)
        _take(shared, lock)
    except OSError as error:
        lock.leave()
        shared.leave()
        raise DiskError(f"the journal {shown(str(path))} cannot be written: {error.strerror}; {ELSEWHERE}") from None
    except BaseException:
        lock.leave()
        shared.leave()
        raise
    return shared


def _take(shared: Shared, lock: Lock) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            lock.take()
        except UsageError:
            from .dialling import dialled

            found = dialled(shared.path)
            if found is None:
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
                continue
            try:
                shared.join()
            except BaseException:
                found[0].close()
                raise
            shared.reach(*found)
            return
        shared.join()
        shared.writer = shared.hold(lock)
        return
