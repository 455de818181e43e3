"""A limiter under a virtual clock, and what sends requests as fast as it lets them go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

import looptime
from hypothesis import settings

from flowrun.runtime.limits import Limiter, Place, Verdict

MANY = settings(max_examples=80, database=None)


def taken(limiter: Limiter, tokens: int = 0) -> Place:
    place = limiter.acquire(tokens)
    assert place is not None
    return place


def now() -> float:
    return asyncio.get_running_loop().time()


def virtually(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop = looptime.new_event_loop(start=0)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


class Driver:
    """Sends requests as fast as a limiter lets it; ``sent`` are their times and tokens, ``peak`` the most in flight."""

    def __init__(self, limiter: Limiter, costs: list[int], seconds: float, verdicts: Any = None) -> None:
        self.limiter = limiter
        self.line = deque(costs)
        self.seconds = seconds
        self.verdicts = verdicts or (lambda number: Verdict.OK)
        self.sent: list[tuple[float, int]] = []
        self.open = self.peak = 0
        self.done = asyncio.get_running_loop().create_future()

    def pump(self) -> None:
        while self.line:
            place = self.limiter.acquire(self.line[0])
            if place is None:
                self.limiter.on_ready(self.pump)
                return
            self.sent.append((now(), self.line.popleft()))
            self.open += 1
            self.peak = max(self.peak, self.open)
            asyncio.get_running_loop().call_later(self.seconds, self.over, place, len(self.sent) - 1)

    def over(self, place: Place, number: int) -> None:
        self.open -= 1
        self.limiter.release(place, self.verdicts(number))
        if not self.line and not self.open and not self.done.done():
            self.done.set_result(None)
