"""So many a minute: as the flow sets it, and as the server's own headers tell."""

from __future__ import annotations

from ..vocabulary.usage import Rate

BURST = 1.0
"""Seconds' worth that may go at once after a rest."""
_CLOSE = 1e-9


class Pace:
    """A generic cell rate algorithm (ITU-T I.371): an even rate, without counting what is past.

    A cost beyond the burst goes all the same, and what follows waits for it.
    """

    def __init__(self, per_minute: float) -> None:
        self._each = 60.0 / per_minute
        # One at least, or nothing would ever go.
        self._burst = max(0.0, BURST - self._each)
        self._next = 0.0

    def ready(self, now: float) -> float:
        """When the next may go, a time of the loop's; in the past for at once."""
        return self._next - self._burst

    def take(self, now: float, cost: float) -> None:
        self._next = max(self._next, now) + cost * self._each

    def correct(self, more: float) -> None:
        """What was taken was so much more, or less, than thought."""
        self._next += more * self._each


class Told:
    """What a server says is left of one of its limits, until it says so again or its window is whole."""

    def __init__(self) -> None:
        self.left: float | None = None
        self._whole = 0.0

    def learn(self, rate: Rate, now: float, under_way: float) -> None:
        """``under_way`` is what has left since, or may have: the server may not have counted it yet."""
        if rate.remaining is None or rate.reset is None:
            return
        self.left = max(0.0, rate.remaining - under_way)
        self._whole = now + max(0.0, rate.reset)

    def ready(self, now: float) -> float:
        if self.left is not None and now >= self._whole - _CLOSE:
            self.left = None
        return self._whole if self.left is not None and self.left < 1 else 0.0

    def take(self, cost: float) -> None:
        if self.left is not None:
            self.left -= cost
