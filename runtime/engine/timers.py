"""The timers of a run. Each calls a function when its seconds have passed."""

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
        """Start a timer and return its number, from 1 on. ``then`` is called after the seconds."""
        self._count += 1
        self._then[self._count] = then
        self.decisions.append(StartTimer(self._count, seconds))
        return self._count

    def stop(self, number: int) -> None:
        """Stop a timer. Do nothing if it has ended or was never started."""
        if self._then.pop(number, None) is not None:
            self.decisions.append(StopTimer(number))

    def over(self, number: int) -> None:
        """Call the function of a timer whose time has passed. Do nothing if the timer was stopped in the meantime."""
        if then := self._then.pop(number, None):
            then()
