"""The beginning of a run with workers: the driver runs bodies itself until a worker is ready.

So a short run needs no worker, and a long one loses no time while they start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

MOST_HERE = 512
"""The most bodies that the driver runs at once while workers start."""
_PART = 8
"""The bodies that it takes before it looks how many calls came of them."""


class Runner(Protocol):
    """The part of the driver's scheduler that runs bodies itself."""

    @property
    def free(self) -> int:
        """The number of further bodies that the driver itself has room for."""

    def run_here(self, number: int) -> None:
        """Run a body in the driver itself, although it was launched elsewhere."""


class Beginning:
    """The bodies that wait while no worker is ready. ``take`` takes some of them from the queue.

    ``start`` starts the workers. It is called when the driver has more bodies than it can take at once.
    """

    def __init__(self, take: Callable[[int], list[int]], start: Callable[[], None]) -> None:
        self._take = take
        self._start = start
        self._started = False

    def deal(self, runner: Runner, waiting: Callable[[], bool]) -> None:
        """Give bodies to the driver as long as it has room. Start the workers if some are left then.

        A body whose answers are in the journal takes no room. After many of them the run listens to signals again.
        """
        for _ in range(MOST_HERE // _PART):
            if (free := runner.free) <= 0:
                break
            if not (numbers := self._take(min(free, _PART))):
                break
            for number in numbers:
                runner.run_here(number)
        else:
            return
        if waiting() and not self._started:
            self._started = True
            self._start()
