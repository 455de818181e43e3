"""Hedging: a request that takes longer than most is sent a second time, because the second may be answered sooner.

(Dean and Barroso, "The Tail at Scale", 2013.) A request that is still under way counts as slower than all that have
ended. Otherwise the first of many requests would look slow as soon as a few quick ones have ended. Only a limited share
of all requests is sent twice, however long they take.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from math import ceil

from flowrun.dsl import pattern

from .batch import Batch

_INDEX = pattern(r"\[[^\]]*\]")
MARGIN = 0.01
"""The share by which a slow request exceeds the time of most. Without it requests whose answers come in the same moment
would look slow."""
_AGAIN = 0.1
"""The part of the limit after which to try again, if there was no place for a second request."""
_REMEMBERED = 1000
"""The number of times that count: the latest ones."""


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


class Hedges:
    """The watcher of requests whose asks have the option ``hedge``.

    ``send`` sends a request a second time. It returns None if there is no place for it yet, False if it will not be
    sent.
    """

    def __init__(self, send: Callable[[Batch], bool | None]) -> None:
        self.send = send
        self._tails: dict[tuple[str, str, float], Tail] = {}
        self._tail_of: dict[int, Tail] = {}
        self.watched: dict[int, Batch] = {}
        self._twice: set[int] = set()
        self._timers: dict[Tail, asyncio.TimerHandle] = {}

    def began(self, batch: Batch) -> None:
        """Watch a request that was sent, if its ask has the option ``hedge``."""
        call = batch.calls[0] if len(batch.calls) == 1 else None
        if call is None or call.policy.hedge is None or batch.twin_of is not None:
            return
        key = (call.model, _INDEX.sub("", call.path), call.policy.hedge)
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = Tail(call.policy.hedge)
        self._tail_of[batch.number] = tail
        self.watched[batch.number] = batch
        tail.began(batch.number, asyncio.get_running_loop().time())
        if tail not in self._timers and tail.limit is not None:
            self._look(tail)

    def ended(self, batch: Batch, seconds: float | None) -> None:
        """Record the end of a request. ``seconds`` is the time until its answer, None if no answer came."""
        tail = self._tail_of.pop(batch.number, None)
        if tail is None:
            return
        del self.watched[batch.number]
        self._twice.discard(batch.number)
        tail.ended(batch.number, seconds)
        if seconds is not None:
            self._look(tail)

    def overtaken(self, batch: Batch) -> None:
        """Record that the twin of a request was answered first. The request itself would have taken longer."""
        tail = self._tail_of.get(batch.number)
        if tail is not None:
            self.ended(batch, tail.out_for(batch.number, asyncio.get_running_loop().time()))

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _look(self, tail: Tail) -> None:
        """Send slow requests a second time, and set a timer for the time at which the next will be slow."""
        if timer := self._timers.pop(tail, None):
            timer.cancel()
        if not tail.allowed:
            return
        loop = asyncio.get_running_loop()
        slow, then = tail.slow(loop.time(), self._twice)
        for number in slow:
            if not tail.allowed:
                return
            sent = self.send(self.watched[number])
            tail.sent_twice += bool(sent)
            if sent is None:
                then = loop.time() + _AGAIN * (tail.limit or 1.0)
            else:
                self._twice.add(number)
        if then is not None and tail.allowed:
            self._timers[tail] = loop.call_at(then, self._rung, tail)

    def _rung(self, tail: Tail) -> None:
        del self._timers[tail]
        self._look(tail)
