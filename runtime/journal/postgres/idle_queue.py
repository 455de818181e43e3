"""The queue of a writer that also looks after its connection while nothing comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from ..writer import WriteRequest

PULSE = 5.0
"""The seconds after which a writer without entries looks after its connection, which holds the lock of its run."""


class AttentiveQueue(SimpleQueue[Sequence[WriteRequest] | None]):
    """A queue that calls a function when nothing came for a while."""

    def __init__(self, idle: Callable[[], None]) -> None:
        super().__init__()
        self._idle = idle

    def get(self, block: bool = True, timeout: float | None = None) -> Sequence[WriteRequest] | None:
        while True:
            try:
                return super().get(block, PULSE if timeout is None else timeout)
            except Empty:
                if timeout is not None:
                    raise
                self._idle()
