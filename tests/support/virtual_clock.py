"""An event loop with virtual time, which passes only when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with virtual time. ``on_idle`` is called each time before the clock moves.

    To wait when nothing can happen any more is an error.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.on_idle: Callable[[], None] = lambda: None
        super().__init__(_Clock(self))

    def time(self) -> float:
        return self.now


class CountingLoop(VirtualLoop):
    """A loop that calls ``then`` in its ``at``th turn, counted from 1; never if ``at`` is 0."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.then: Callable[[], object] = lambda: None
        super().__init__()

    def _run_once(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.then()
        super()._run_once()  # type: ignore[misc]


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
            assert found, "deadlock: nothing is left that could ever happen"
            return found
        if timeout > 0:
            self.loop.on_idle()
            self.loop.now += timeout
        return []
