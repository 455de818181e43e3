"""Runs in virtual time that share the limits of an endpoint through one table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowrun.runtime.dispatch.run_turns import RunTurns, Seat
from flowrun.runtime.limits import EndpointTerms, Limiter
from flowrun.runtime.limits.limiter_sharer import LimiterSharer
from flowrun.runtime.limits.run_portion import Portion
from flowrun.runtime.limits.verdict import Verdict
from support.limiters import now, virtually


def played(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a test in virtual time, and end what it has begun."""

    async def whole() -> None:
        try:
            await main()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    virtually(whole())


class MemoryTable:
    """A table in memory. ``away`` is an error that it raises, and ``dead`` are the runs that are known to be dead."""

    waits = False

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.turns = 0
        self.away: Exception | None = None
        self.dead: set[int] = set()

    def live(self, runs: Sequence[int]) -> set[int]:
        return {*runs} - self.dead

    def turn(self, endpoint: str, change: Callable[[Any, float], tuple[Any, Any]]) -> Any:
        if self.away is not None:
            raise self.away
        self.turns += 1
        state, answer = change(self.states.pop(endpoint, None), now())
        if state is not None:
            self.states[endpoint] = state
        return answer

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Server:
    """A server that counts the requests of all runs."""

    active: int = 0
    peak: int = 0
    sent: list[tuple[float, int]] = field(default_factory=list)

    def most_in(self, seconds: float, at: int = 0) -> float:
        """Return the most requests, or tokens, in a half-open window of time."""
        amounts = [(time, (1, tokens)[at]) for time, tokens in self.sent]
        most = within = first = 0
        for time, amount in amounts:
            within += amount
            while amounts[first][0] <= time - seconds + 1e-6:
                within -= amounts[first][1]
                first += 1
            most = max(most, within)
        return most


class SharingRun:
    """A run that sends requests as long as it has some to send. ``own`` are its requests in flight."""

    def __init__(self, name: str, table: MemoryTable, server: Server, limit: int | None, **rates: Any) -> None:
        self.name, self.server, self.table = name, server, table
        self.limiter = Limiter(limit, EndpointTerms(**rates))
        self.notes: list[str] = []
        seat = Seat("at", LimiterSharer(self.limiter), Portion(limit, (rates.get("rpm"), rates.get("tpm"))))
        self.number = int.from_bytes(name.encode())
        self.turns = RunTurns(name, table, [seat], self.notes.append, self.number, table.live)
        self.left = self.own = self.done = 0
        self.seconds, self.tokens = 1.0, 10
        self._timers: set[asyncio.TimerHandle] = set()
        self.dead = False

    async def begin(self) -> None:
        self.table.dead.discard(self.number)
        await self.turns.begin()

    def send(self, count: int) -> None:
        self.left += count
        self._pump()

    def _pump(self) -> None:
        while self.left and not self.dead:
            place = self.limiter.acquire(self.tokens)
            if place is None:
                self.limiter.on_ready(self._pump)
                return
            self.left -= 1
            self.own += 1
            self.server.active += 1
            self.server.peak = max(self.server.peak, self.server.active)
            self.server.sent.append((now(), self.tokens))
            asyncio.get_running_loop().call_later(self.seconds, self._over, place)

    def _over(self, place: Any) -> None:
        self.server.active -= 1
        self.own -= 1
        self.done += 1
        if not self.dead:
            self.limiter.release(place, Verdict.OK)

    def end(self) -> None:
        self.turns.close()
        self.limiter.close()

    def kill(self, *, told: bool = True) -> None:
        """End as by SIGKILL: the server goes on with what it has. The journal can tell of it, or cannot."""
        self.dead = True
        if told:
            self.table.dead.add(self.number)
        assert self.turns._task is not None
        self.turns._task.cancel()
        self.limiter.close()
