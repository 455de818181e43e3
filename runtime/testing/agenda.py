"""The agenda of a scripted run: what happens, and at what virtual time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from flowrun.runtime.replay.source import Happening

Happens = Callable[[], Happening | None]
"""A function that makes something happen. It returns what the flow hears of it, None for nothing."""


class Agenda:
    """The agenda of a run, in the order of time. ``now`` is the time of what happened last, in seconds.

    As long as ``held`` returns True, time does not go on.
    """

    __slots__ = ("_heap", "_order", "held", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.held: Callable[[], bool] = lambda: False
        self._heap: list[tuple[float, int, Happens]] = []
        self._order = 0

    def add(self, seconds: float, happens: Happens) -> None:
        """Add something that happens in so many seconds. Of two at one time, the first that was added is the first."""
        self._order += 1
        heappush(self._heap, (self.now + seconds, self._order, happens))

    def next(self) -> Happening | None:
        """Go on to the next thing of which the flow hears. Return None if there is no more."""
        while self._heap and not (self._heap[0][0] > self.now and self.held()):
            self.now, _, happens = heappop(self._heap)
            happening = happens()
            if happening is not None:
                return happening
        return None
