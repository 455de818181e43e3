"""The beginning of a run with workers: the driver runs bodies itself until a worker is ready.

So a short run needs no worker, and a long one loses no time while they start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..engine.decisions import BodyOver

MOST_HERE = 512
"""The most bodies that the driver runs at once while workers start."""
_PART = 8
"""The bodies that it takes before it looks how many calls came of them."""


class Runner(Protocol):
    """The part of the driver's scheduler that runs bodies itself."""

    @property
    def free(self) -> int:
        """The number of further bodies that the driver itself has room for."""

    def run_here(self, numbers: Sequence[int]) -> None:
        """Run bodies in the driver itself, although they were launched elsewhere. They begin together."""


class Driver(Runner, Protocol):
    """The part of the driver's scheduler that hears from the hub."""

    def over(self, over: BodyOver) -> None:
        """Take the end of a body."""

    def widen(self, bodies: int) -> None:
        """Let each worker have so many bodies open at once."""

    @property
    def sending(self) -> bool:
        """True if a request of the driver itself is under way."""

    def rested(self) -> None:
        """Hear that all workers have stopped, and that nothing is under way there."""

    def mistake(self, error: BaseException) -> None:
        """Hear of a fault of flowrun itself."""


class WaitingBodies:
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
            runner.run_here(numbers)
        else:
            return
        if waiting() and not self._started:
            self._started = True
            self._start()
