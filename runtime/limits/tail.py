"""The times of similar requests, and which request is slower than most of them.

(Dean and Barroso, "The Tail at Scale", 2013.) A request that is still under way counts as slower than all that have
ended. Otherwise the first of many requests would look slow as soon as a few quick ones have ended. Only a limited share
of all requests is sent twice, however long they take.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import ceil

from flowrun.dsl import pattern

_INDEX = pattern(r"\[[^\]]*\]")
MARGIN = 0.01
"""The share by which a slow request exceeds the time of most. Without it requests whose answers come in the same moment
would look slow."""
_REMEMBERED = 1000
"""The number of times that count: the latest ones."""


def tail_key(model: str, path: str, quantile: float) -> tuple[str, str, float]:
    """Return what similar requests share: the model, the path of their step, and the share of them that is not slow."""
    return model, _INDEX.sub("", path), quantile


class Tail:
    """The times of similar requests. ``quantile`` is the share of them that are not slower than the limit."""

    def __init__(self, quantile: float) -> None:
        self.quantile = quantile
        self.started = 0
        self.sent_twice = 0
        self._out: dict[int, float] = {}
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    @property
    def allowed(self) -> bool:
        """True if another request may be sent a second time. Only a limited share of all requests may."""
        return self.sent_twice + 1 <= (1 - self.quantile) * self.started + 1e-9

    @property
    def limit(self) -> float | None:
        """The seconds after which a request is slower than most. None while too few requests have ended."""
        rank = ceil(self.quantile * (len(self._sorted) + len(self._out)) - 1e-9)
        if max(rank, 1) > len(self._sorted):
            return None
        return self._sorted[max(rank, 1) - 1] * (1 + MARGIN)

    def began(self, number: int, now: float) -> None:
        self.started += 1
        self._out[number] = now

    def out_for(self, number: int, now: float) -> float:
        """Return the seconds since a request was sent."""
        return now - self._out[number]

    def ended(self, number: int, seconds: float | None) -> None:
        """Record the end of a request. ``seconds`` is the time until its answer, None if no answer came."""
        self._out.pop(number, None)
        if seconds is None:
            return
        self._recent.append(seconds)
        insort(self._sorted, seconds)
        if len(self._recent) > _REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]

    def slow(self, now: float, sent_twice: set[int]) -> tuple[list[int], float | None]:
        """Find the requests that are slow by now, the oldest first, and the time at which the next will be slow."""
        limit = self.limit
        if limit is None:
            return [], None
        found: list[int] = []
        for number, began in self._out.items():
            if number in sent_twice:
                continue
            if began + limit > now:
                return found, began + limit
            found.append(number)
        return found, None
