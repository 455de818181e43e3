"""Rate limits: those that the flow sets, and those that the server reports in its headers."""

from __future__ import annotations

from ..vocabulary.usage import Rate

BURST = 1.0
"""The seconds whose share of requests or tokens may go at once after a rest."""
_CLOSE = 1e-9


class Pace:
    """A generic cell rate algorithm (ITU-T I.371): an even rate, without a count of past requests.

    A cost beyond the burst may go all the same, and the next request waits for it.
    """

    def __init__(self, per_minute: float) -> None:
        self._each = 60.0 / per_minute
        # The burst is at least one request: with less, no request would ever go.
        self._burst = max(0.0, BURST - self._each)
        self._next = 0.0

    def ready(self, now: float) -> float:
        """Return the loop's time at which the next request may go; a past time means at once."""
        return self._next - self._burst

    def take(self, now: float, cost: float) -> None:
        self._next = max(self._next, now) + cost * self._each

    def correct(self, more: float) -> None:
        """Correct an estimate: ``more`` was taken than estimated, or less if it is below zero."""
        self._next += more * self._each


class Told:
    """The rest of a limit as the server last reported it, until the next report, or until the window is full again."""

    def __init__(self) -> None:
        self.left: float | None = None
        self._whole = 0.0

    def learn(self, rate: Rate, now: float, under_way: float) -> None:
        """Take a report of the server. ``under_way`` is the amount that the server may not have counted yet."""
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
