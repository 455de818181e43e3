"""The timers of a run, and the functions that they call when their seconds are over."""

from __future__ import annotations

from collections.abc import Callable

from .decisions import Decision, StartTimer, StopTimer


class Timers:
    """The timers of one run. They add their decisions to ``decisions``."""

    def __init__(self, decisions: list[Decision]) -> None:
        self.decisions = decisions
        self._then: dict[int, Callable[[], None]] = {}
        self._count = 0

    def start(self, seconds: float, then: Callable[[], None]) -> int:
        """Start a timer. Return its number; numbers begin at 1."""
        self._count += 1
        self._then[self._count] = then
        self.decisions.append(StartTimer(self._count, seconds))
        return self._count

    def stop(self, number: int) -> None:
        """Stop a timer. Do nothing if it is over or was never set."""
        if self._then.pop(number, None) is not None:
            self.decisions.append(StopTimer(number))

    def over(self, number: int) -> None:
        """Call the function of a timer whose time is over. Do nothing if the timer was stopped meanwhile."""
        if then := self._then.pop(number, None):
            then()
