"""A loop with virtual time that does something in a certain turn."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.testing import VirtualLoop


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
