"""Timers that are set: who is told when so many seconds are over."""

from __future__ import annotations

from collections.abc import Callable

from .decisions import Decision, StartTimer, StopTimer


class Timers:
    """The timers of one run. What is to be done about them is added to ``decisions``."""

    def __init__(self, decisions: list[Decision]) -> None:
        self.decisions = decisions
        self._then: dict[int, Callable[[], None]] = {}
        self._count = 0

    def start(self, seconds: float, then: Callable[[], None]) -> int:
        """The number of a timer; numbers begin at 1."""
        self._count += 1
        self._then[self._count] = then
        self.decisions.append(StartTimer(self._count, seconds))
        return self._count

    def stop(self, number: int) -> None:
        """Nobody is to be told any more. One that is over, or was never set, is no matter."""
        if self._then.pop(number, None) is not None:
            self.decisions.append(StopTimer(number))

    def over(self, number: int) -> None:
        """The time is over. One that was stopped meanwhile is dropped."""
        if then := self._then.pop(number, None):
            then()
