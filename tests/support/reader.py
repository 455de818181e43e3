"""A reader of a pipe, for use while a test writes to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from .patience import PATIENCE


def reading(path: Path) -> Callable[[], bytes]:
    """Read a pipe in a thread. Return a function that waits for its end and returns the content."""
    came: list[bytes] = []
    thread = threading.Thread(target=lambda: came.append(path.read_bytes()), daemon=True)
    thread.start()

    def wait() -> bytes:
        thread.join(PATIENCE)
        return came[0]

    return wait
