"""The limiter of one process as one that shares its limits with other runs."""

from __future__ import annotations

from typing import Any

from .limiter import Limiter
from .run_portion import Portion


class LimiterSharer:
    """A limiter as one that shares its limits with other runs."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter

    @property
    def portion(self) -> Portion | None:
        """The part of the limits that the limiter has."""
        return self.limiter.portion

    @portion.setter
    def portion(self, portion: Portion | None) -> None:
        self.limiter.portion = portion

    @property
    def taken(self) -> int:
        """The places in use."""
        return self.limiter.active

    @property
    def pressed(self) -> bool:
        """True if a request waits for a larger part of the limits."""
        limiter, portion = self.limiter, self.limiter.portion
        return bool(limiter.waiters) and portion is not None and (portion.lacking or limiter.active >= portion.places)

    def need(self, now: float) -> dict[str, Any]:
        """Report the need of the limiter to the book of the runs that share its limits."""
        limiter, portion = self.limiter, self.limiter.portion
        assert portion is not None
        waiting = bool(limiter.waiters)
        want = portion.need(limiter.active, waiting, limiter.limit)
        report = portion.report(want, limiter.active, int(waiting), (limiter.limit, *limiter.quota.rates), now)
        return report | {"next": limiter.quota.counted(now)}

    def share(self, answer: dict[str, Any], now: float) -> None:
        """Take the part that the limiter has of its limits from here on."""
        limiter, portion = self.limiter, self.limiter.portion
        assert portion is not None
        portion.take(answer, now)
        if "next" in answer:
            limiter.quota.defer(now, answer["next"])
        limiter.waiters.call()
