"""Hedging: a request that takes longer than most is sent a second time, because the second may be answered sooner.

``limits/tail.py`` tells which requests are slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .batch import Batch

if TYPE_CHECKING:
    from ..limits.tail import Tail

_AGAIN = 0.1
"""The part of the limit after which to try again, if there was no place for a second request."""


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
        if call is None or call.policy.hedge is None or batch.twin_of is not None or batch.endpoint.live is not None:
            return
        from ..limits.tail import Tail, tail_key

        key = tail_key(call.model, call.path, call.policy.hedge)
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
