"""A limiter against a simulated server under virtual time: its capacity, its refusals or its queue, and its headers."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from flowrun.runtime.limits import Limiter, Place, Verdict
from flowrun.runtime.vocabulary.traffic import Traffic
from flowrun.runtime.vocabulary.usage import Rate, Rates
from flowrun.testing import VirtualLoop

GENEROUS = Rates(requests=Rate(limit=10_000, remaining=9_999, reset=60.0))
"""The report of a server that allows far more than is ever in flight."""
SIGMA = 0.99
"""The spread of log-normal times, as in the benchmarks: median 200 ms, p99 2 s."""


def always(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def log_normal(median: float, seed: int, sigma: float = SIGMA) -> Callable[[], float]:
    draw = random.Random(seed)
    return lambda: median * draw.lognormvariate(0, sigma)


@dataclass
class Server:
    """A server that takes a number of requests at once. ``steps`` are pairs of a time and the number from then on.

    It refuses the others, or with ``queues`` lets them wait. A message travels ``travel`` seconds in each direction,
    and a refusal takes ``slow`` seconds more. ``traffic`` is told of the requests, and of the distance.
    """

    steps: Sequence[tuple[float, float]] = ((0.0, inf),)
    queues: bool = False
    rates: Rates | None = None
    seconds: Callable[[], float] = field(default_factory=lambda: always(0.2))
    travel: float = 0.0005
    slow: float = 0.0
    traffic: Traffic = field(default_factory=Traffic)

    inside: int = 0
    peak: int = 0
    served: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    waiting: deque[Callable[[bool], None]] = field(default_factory=deque)

    @property
    def capacity(self) -> float:
        now = asyncio.get_running_loop().time()
        return next(size for begin, size in reversed(self.steps) if now >= begin)

    def arrive(self, answer: Callable[[bool], None]) -> None:
        loop = asyncio.get_running_loop()
        self.peak = max(self.peak, self.inside + len(self.waiting) + 1)
        if self.inside < self.capacity:
            self.serve(answer)
        elif self.queues:
            self.waiting.append(answer)
        else:
            self.refusals.append(loop.time())
            loop.call_later(self.slow + self.travel, answer, False)

    def serve(self, answer: Callable[[bool], None]) -> None:
        self.inside += 1
        asyncio.get_running_loop().call_later(self.seconds(), self.done, answer)

    def done(self, answer: Callable[[bool], None]) -> None:
        loop = asyncio.get_running_loop()
        self.inside -= 1
        self.served.append(loop.time())
        loop.call_later(self.travel, answer, True)
        while self.waiting and self.inside < self.capacity:
            self.serve(self.waiting.popleft())


class Client:
    """A run of ``count`` requests that are all ready at once. A refused request comes back like one of the runner."""

    def __init__(self, limiter: Limiter, server: Server, count: float, until: float = inf) -> None:
        self.limiter, self.server, self.left, self.until = limiter, server, count, until
        self.again = 0
        self.open = 0
        self.draw = random.Random(3)
        self.widths: list[tuple[float, int]] = []
        self.over = asyncio.get_running_loop().create_future()

    def pump(self) -> None:
        loop = asyncio.get_running_loop()
        while (self.left or self.again) and loop.time() < self.until:
            place = self.limiter.acquire(10)
            if place is None:
                self.limiter.on_ready(self.pump)
                return
            if self.again:
                self.again -= 1
            else:
                self.left -= 1
            self.open += 1
            self.server.traffic.on_wire += 1
            self.server.traffic.round_trip = 2 * self.server.travel
            loop.call_later(self.server.travel, self.server.arrive, lambda good, place=place: self.end(place, good))

    def end(self, place: Place, good: bool) -> None:
        loop = asyncio.get_running_loop()
        self.server.traffic.on_wire -= 1
        if good and self.server.rates is not None:
            self.limiter.learn(self.server.rates)
        self.widths.append((loop.time(), self.limiter.width))
        self.limiter.release(place, Verdict.OK if good else Verdict.REFUSED)
        if good:
            self.open -= 1
        else:
            loop.call_later(self.draw.uniform(0.25, 0.5), self.back)
        self.pump()
        if not self.open and (not self.left or loop.time() >= self.until) and not self.over.done():
            self.over.set_result(loop.time())

    def back(self) -> None:
        self.open -= 1
        self.again += 1
        self.pump()
        if not self.open and not self.over.done() and asyncio.get_running_loop().time() >= self.until:
            self.over.set_result(asyncio.get_running_loop().time())


@dataclass
class Ran:
    """The account of a run: its seconds, its server, the limiter at the end, and the widths on the way."""

    seconds: float
    server: Server
    limiter: Limiter
    widths: list[tuple[float, int]]

    def refused(self, begin: float = 0.0, end: float = inf) -> int:
        return sum(begin <= time < end for time in self.server.refusals)

    def served(self, begin: float = 0.0, end: float = inf) -> int:
        return sum(begin <= time < end for time in self.server.served)

    def share(self, begin: float, end: float = inf) -> float:
        """The share of the requests in a time that were refused."""
        refused = self.refused(begin, end)
        return refused / max(1, refused + self.served(begin, end))


def run(limiter: Limiter, server: Server, count: float, until: float = inf) -> Ran:
    """Send ``count`` requests, or with ``until`` as many as go in so many seconds."""
    loop = VirtualLoop()

    async def main() -> Ran:
        client = Client(limiter, server, count, until)
        client.pump()
        seconds = await client.over
        limiter.close()
        return Ran(seconds, server, limiter, client.widths)

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
