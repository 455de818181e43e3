"""A rate that several processes share. One book keeps it, and hands out permits to the holders of the lease.

A permit counts as used at the moment of its issue, and again when the book hears of its use: until then its holder may
use it at any time. So the requests of all holders together keep the rate that one limiter would keep (a generic cell
rate algorithm, ITU-T I.371), however long the messages take. No clock is compared with another one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import inf
from typing import Any

from ..vocabulary.usage import Rate
from .rate import BURST

_CLOSE = 1e-9


class SharedRate:
    """The rate of requests, or of tokens, of all holders together.

    ``per_minute`` is the rate that the flow sets, None if it sets none. ``open`` are the permits that were issued and
    not reported as used, by holder. All times are those of the book.
    """

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self._each = 0.0 if per_minute is None else 60.0 / per_minute
        self._burst = max(0.0, BURST - self._each)
        self._next = -inf
        self.open: dict[Hashable, float] = {}
        self._out = 0.0
        self.left: float | None = None
        self._whole = 0.0
        self.told = False

    @property
    def metered(self) -> bool:
        """True if a request needs a permit: the flow sets a rate, or the server has reported one."""
        return self._each > 0 or self.told

    @property
    def next(self) -> float:
        """The time at which all that is used would have been sent at an even pace."""
        return self._next

    def counted(self, now: float) -> float:
        """Return the seconds until all that is used or may be used would have been sent at an even pace."""
        return max(0.0, max(self._next, now) + self._out * self._each - now) if self._each else 0.0

    def go_on(self, next: float, open: Mapping[Any, float]) -> None:
        """Go on from an earlier state."""
        self._next = next
        self.open = {**open}
        self._out = sum(self.open.values())

    def ready(self, now: float) -> float:
        """Return the time from which one more permit may be issued; infinity if only a report of a holder brings it."""
        ready = 0.0
        if self._each:
            beside = self._out * self._each
            ready = max(self._next + beside - self._burst, inf if beside > self._burst + _CLOSE else 0.0)
        if self.left is not None:
            if now >= self._whole - _CLOSE:
                self.left = None
            elif self.left < 1:
                ready = max(ready, self._whole)
        return ready

    def issue(self, holder: Hashable, amount: float) -> None:
        self.open[holder] = self.open.get(holder, 0) + amount
        self._out = sum(self.open.values())
        if self.left is not None:
            self.left -= amount

    def used(self, holder: Hashable, amount: float, now: float) -> None:
        """Take the news that a holder has used permits, at any time up to now."""
        self._close(holder, amount)
        self._next = max(self._next, now) + amount * self._each

    def returned(self, holder: Hashable, amount: float) -> None:
        """Take back permits that their holder will not use."""
        self._close(holder, amount)
        if self.left is not None:
            self.left += amount

    def correct(self, more: float) -> None:
        """Correct estimates that are used. ``more`` is the difference between the real amounts and the estimates."""
        self._next += more * self._each

    def gone(self, holder: Hashable, now: float) -> None:
        """Count all permits of a dead holder as used."""
        self.used(holder, self.open.get(holder, 0), now)
        self.open.pop(holder, None)

    def learn(self, rate: Rate, now: float, under_way: float) -> None:
        """Take a report of the server. ``under_way`` is the amount in flight that it may not include."""
        if rate.remaining is None or rate.reset is None:
            return
        self.told = True
        self.left = max(0.0, rate.remaining - under_way - self._out)
        self._whole = now + max(0.0, rate.reset)

    def _close(self, holder: Hashable, amount: float) -> None:
        self.open[holder] = max(0, self.open.get(holder, 0) - amount)
        self._out = sum(self.open.values())
