"""Holders of leases under a virtual clock: their messages take time, and a server counts what reaches it."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from flowrun.runtime.costs.lease_book import BudgetBook, LeaseBook
from flowrun.runtime.dispatch.leases import LeaseDesk, Leases
from flowrun.runtime.limits import EndpointTerms, Place, Verdict
from flowrun.runtime.limits.leased_limiter import LeasedLimiter
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.testing import VirtualLoop

AT = "http://server/v1"


def virtually(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


class Pipe:
    """A stream between the desk and a holder. Messages keep their order, and each takes a time of its own."""

    def __init__(self, delay: Callable[[], float], take: Callable[[dict[str, Json]], None]) -> None:
        self.delay, self.take = delay, take
        self.last = 0.0
        self.sent = 0
        self.cut = False

    def send(self, message: dict[str, Json]) -> None:
        self.sent += 1
        self.last = max(self.last + 1e-9, now() + self.delay())
        asyncio.get_running_loop().call_at(self.last, self.bring, message)

    def bring(self, message: dict[str, Json]) -> None:
        if not self.cut:
            self.take(message)


@dataclass
class Server:
    """A server that counts the requests in flight, and remembers when each came and the tokens that it takes."""

    inside: int = 0
    peak: int = 0
    came: list[tuple[float, float]] = field(default_factory=list)


class Holder:
    """A process that sends requests of the given tokens as fast as its limiter lets it."""

    def __init__(self, leases: Leases, limiter: LeasedLimiter, server: Server, seconds: Callable[[], float]) -> None:
        self.leases, self.limiter, self.server, self.seconds = leases, limiter, server, seconds
        self.line: deque[int] = deque()
        self.open: set[Place] = set()
        self.dead = False
        self.done = 0
        self.verdict: Callable[[], Verdict] = lambda: Verdict.OK
        limiter.backlog(lambda: len(self.line))

    def add(self, costs: Sequence[int]) -> None:
        self.line.extend(costs)
        self.pump()

    def pump(self) -> None:
        while self.line and not self.dead:
            place = self.limiter.acquire(self.line[0])
            if place is None:
                self.limiter.on_ready(self.pump)
                return
            self.server.came.append((now(), self.line.popleft()))
            self.open.add(place)
            self.server.inside += 1
            self.server.peak = max(self.server.peak, self.server.inside)
            asyncio.get_running_loop().call_later(self.seconds(), self.over, place)

    def over(self, place: Place) -> None:
        self.server.inside -= 1
        if not self.dead:
            self.open.discard(place)
            self.done += 1
            self.limiter.release(place, self.verdict())


class Cluster:
    """A desk and its holders. The first is the driver itself, if ``local``."""

    def __init__(
        self,
        count: int,
        delay: Callable[[], float] = lambda: 0.001,
        *,
        seconds: Callable[[], float] = lambda: 0.1,
        budget: BudgetBook | None = None,
        local: bool = False,
        **terms: Any,
    ) -> None:
        self.desk = LeaseDesk(LeaseBook(budget))
        self.server = Server()
        self.pipes: dict[int, tuple[Pipe, Pipe]] = {}
        self.holders: list[Holder] = []
        self.delay, self.terms, self.seconds = delay, terms, seconds
        for number in range(count):
            if local and number == 0:
                self.adopt(self.desk.local())
            else:
                self.hire(number)

    def hire(self, number: int) -> Holder:
        up = Pipe(self.delay, lambda message: self.desk.take(number, message))
        leases = Leases(up.send)
        down = Pipe(self.delay, leases.take)
        self.desk.join(number, down.send)
        self.pipes[number] = (up, down)
        return self.adopt(leases)

    def adopt(self, leases: Leases) -> Holder:
        rest = {name: value for name, value in self.terms.items() if name != "limit"}
        limiter = leases.limiter(AT, self.terms.get("limit"), EndpointTerms(**rest))
        holder = Holder(leases, limiter, self.server, self.seconds)
        self.holders.append(holder)
        return holder

    def kill(self, number: int) -> None:
        """Kill a process. What it has sent still arrives; the server goes on with its requests."""
        holder = self.holders[number]
        holder.dead = True
        holder.limiter.waiters.close()
        up, down = self.pipes[number]
        down.cut = True
        asyncio.get_running_loop().call_later(0.05, self.found_dead, number, up)

    def found_dead(self, number: int, up: Pipe) -> None:
        up.cut = True
        self.desk.gone(number)

    @property
    def messages(self) -> int:
        return sum(pipe.sent for pair in self.pipes.values() for pipe in pair)

    async def idle(self, most: float = 1e6) -> float:
        """Wait until all living holders have no more to send. Return the time."""
        end = now() + most
        while any((one.line or one.open) and not one.dead for one in self.holders):
            assert now() < end, "work that waits is never done"
            await asyncio.sleep(0.01)
        return now()

    def close(self) -> None:
        for one in self.holders:
            if not one.dead:
                one.limiter.close()


def delays(low: float, high: float, seed: int) -> Callable[[], float]:
    dice = random.Random(seed)
    return lambda: dice.uniform(low, high)


def rate_broken(came: Sequence[tuple[float, float]], rpm: float | None, tpm: float | None) -> str:
    """Tell whether a window had more requests or tokens than a limiter of one process would send in it."""
    for rate, costs in ((rpm, [1.0] * len(came)), (tpm, [tokens for _, tokens in came])):
        level, last, largest = 0.0, 0.0, max(costs, default=0.0)
        for (time, _), cost in zip(came, costs, strict=True):
            level = max(0.0, level - (time - last) * (rate or inf) / 60) + cost
            last = time
            if rate is not None and level > max(rate / 60, 1) + (largest if rate == tpm else 0) + 1e-3:
                return f"{level} at {time}"
    return ""
