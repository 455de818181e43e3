"""The clock of a run: the time since it first began, over all its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class RunClock:
    """The clock of a run. It starts when it is first asked, at ``before`` seconds, and belongs to one event loop.

    ``before`` is the wall time from the run's first beginning to the beginning of this part. From there on the time is
    that of the event loop, so a change of the system's clock moves nothing.
    """

    __slots__ = ("_time", "_zero")

    def __init__(self, before: float = 0.0) -> None:
        self._zero = -before
        self._time: Callable[[], float] | None = None

    def now(self) -> float:
        """Return the seconds since the run first began."""
        time = self._time
        return self._start() if time is None else time() - self._zero

    def since_begin(self, moment: float) -> float:
        """Turn a time of the event loop into seconds since the run first began."""
        if self._time is None:
            self._start()
        return moment - self._zero

    @property
    def zero(self) -> float:
        """The time of the event loop at which the run first began. Processes of one machine share that time."""
        if self._time is None:
            self._start()
        return self._zero

    @classmethod
    def from_zero(cls, zero: float) -> RunClock:
        """Return the clock that another process of this machine reads, by its ``zero``."""
        clock = cls()
        clock._time = asyncio.get_running_loop().time
        clock._zero = zero
        return clock

    def milliseconds(self, moment: float) -> int:
        """Turn a time of the event loop into whole milliseconds since the run first began."""
        return round(1000 * self.since_begin(moment))

    def _start(self) -> float:
        self._time = asyncio.get_running_loop().time
        before = -self._zero
        self._zero += self._time()
        return before
