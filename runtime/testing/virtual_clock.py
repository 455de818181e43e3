"""An event loop with virtual time, which passes only when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with virtual time. ``on_idle`` is called each time before the clock moves.

    Time passes at once: a sleep of an hour takes no time. The network is not served, because its time is real. Run code
    in it by ``asyncio.Runner(loop_factory=VirtualLoop)``. To wait when nothing can happen any more is a RuntimeError.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.on_idle: Callable[[], None] = lambda: None
        super().__init__(_Clock(self))

    def time(self) -> float:
        return self.now


_THREADS = 10.0
"""The most real seconds to wait for a thread before a run counts as stuck."""


class _Clock(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            # A thread may still bring something, such as the text of a file.
            found = super().select(_THREADS)
            if not found:
                raise RuntimeError("deadlock: nothing is left that could ever happen")
            return found
        if timeout > 0:
            self.loop.on_idle()
            self.loop.now += timeout
        return []
