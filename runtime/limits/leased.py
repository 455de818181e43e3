"""The limiter of a process that shares an endpoint with others. The endpoint's book leases it places and permits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import field
from math import ceil, inf

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.traffic import Traffic
from ..vocabulary.usage import Rate, Rates
from ..vocabulary.waits import Cause, Reason
from .breaker import COOLING
from .limiter import Limiter, Place
from .ramp import Pacing
from .verdict import Verdict

GAP = 0.005
"""The least seconds between two reports, so that many requests share one."""
SLACK = 0.05
"""The seconds after which a report tells that fewer places are needed."""
AGE = 0.25
"""The seconds after which permits go back that were not used: others may need them."""


@dataclass(eq=False, slots=True)
class _Permits:
    """The permits that a holder has, in requests and tokens, and its account with the book since the last report.

    ``seen`` are the permits that came in all. ``needed`` says whether requests and tokens need permits at all.
    ``more`` are the tokens by which estimates were too low. ``fresh`` is the time of the last grant or use.
    """

    needed: list[bool]
    left: int = 0
    tokens: float = 0.0
    seen: int = 0
    used: list[float] = field(default_factory=lambda: [0, 0.0])
    back: list[float] = field(default_factory=lambda: [0, 0.0])
    more: float = 0.0
    fresh: float = 0.0
    asked: list[float] = field(default_factory=lambda: [0, 0.0, 0.0, 0])

    def lack(self, tokens: float) -> bool:
        """Tell whether a request of so many tokens has no permit."""
        return (self.needed[0] or self.needed[1]) and (
            self.left < 1 or (self.needed[1] and self.tokens < tokens - 1e-6)
        )

    def use(self, tokens: float, now: float) -> None:
        if self.needed[0] or self.needed[1]:
            self.left -= 1
            self.used[0] += 1
            self.used[1] += tokens
            self.tokens = max(0.0, self.tokens - tokens)
            self.fresh = now

    def give_back(self) -> None:
        self.back[0] += self.left
        self.back[1] += self.tokens
        self.left, self.tokens = 0, 0.0


class LeasedLimiter(Limiter):
    """The limiter of one holder of a lease on an endpoint. It has the outside of ``Limiter``.

    ``send`` takes the reports to the book (``EndpointBook``), and ``take`` its messages. ``send`` must not answer from
    within. The terms of the endpoint (``limit``, ``rpm``, ``tpm``) hold for all holders together. Without a ``limit``
    each holder learns the number of requests that the server takes, as connections of TCP share a line: the book has
    no part in that. ``on_closed`` hears the error with which another holder has closed the endpoint.
    """

    def __init__(
        self,
        limit: int | None,
        *,
        send: Callable[[dict[str, Json]], None],
        start: int | None = None,
        trusted: bool = False,
        refused_at: int | None = None,
        pacing: Pacing | None = None,
        traffic: Sequence[Traffic] = (),
        rpm: int | None = None,
        tpm: int | None = None,
        patience: float = 900.0,
        cooling: float = COOLING,
    ) -> None:
        super().__init__(
            limit,
            start=start,
            trusted=trusted,
            refused_at=refused_at,
            pacing=pacing,
            traffic=traffic,
            patience=patience,
            cooling=cooling,
        )
        self.places: float = inf if limit is None else 0
        self.on_closed: Callable[[Json], None] | None = None
        self._send = send
        self._turn = 0
        self._barred = self._closed = False
        self._permits = _Permits([rpm is not None, tpm is not None])
        self._backlogs: list[Callable[[], int]] = []
        self._news: dict[str, Json] = {}
        self._told: dict[str, Json] = {}
        self._reporting: asyncio.TimerHandle | None = None
        self._reported = -inf
        self._peak = 0
        self._slow = 0.0
        self._head = 0
        self._mean = 0.0

    @property
    def full(self) -> bool:
        return self.active >= min(self.places, self._width.width)

    def backlog(self, count: Callable[[], int]) -> None:
        """Add a function that returns the number of requests that wait in a queue. Without any, one waits or none."""
        self._backlogs.append(count)

    def reasons(self, now: float) -> tuple[Reason, ...]:
        found = super().reasons(now)
        if self._barred:
            return ((Cause.OUTAGE, inf), *found)
        if self._permits.lack(self._head) and not self.full:
            return ((Cause.RATE, inf), *found)
        return found

    def acquire(self, tokens: int = 0) -> Place | None:
        self._head = tokens
        place = super().acquire(tokens) if self.active < self.places else None
        if place is None:
            self._soon(GAP)
            return None
        self._mean += ((tokens - self._mean) / 8) if self._mean else tokens
        self._permits.use(tokens, place.sent)
        self._peak = max(self._peak, self.active)
        self._head = 0
        if any(self._permits.needed):
            self._soon(GAP)
        return place

    def release(
        self, place: Place, verdict: Verdict = Verdict.NEUTRAL, used: int | None = None, who: Hashable = None
    ) -> None:
        was = self._breaker.open
        if used is not None and self._permits.needed[1]:
            self._permits.more += used - place.tokens
        self._slow = max(self._slow, asyncio.get_running_loop().time() - place.sent)
        super().release(place, verdict, used, who)
        if self._breaker.open != was:
            self._tell("outage", self._breaker.open)
        self._soon(GAP if self.active >= self.places or self._breaker.open else SLACK)

    def hold_to(self, limit: int) -> None:
        if limit != self.limit:
            super().hold_to(limit)
            self.places = min(self.places, limit) if self.places < inf else 0
            self._tell("limit", limit)

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        self._tell("pause", max(seconds, self._news.get("pause", 0.0)))

    def learn(self, rates: Rates) -> None:
        """Take the limits that the server reports. The book hears of them, and shares out what is left."""
        self._quota.told = rates
        room = self._quota.room(rates, self.active)
        if room and self._width.open(self.active + room):
            self._ramp.allowed = True
        if any(one.remaining is not None and one.reset is not None for one in (rates.requests, rates.tokens)):
            self._news["rates"] = [_rate(rates.requests), _rate(rates.tokens)]
            self._soon(GAP)

    def shut(self, error: Json) -> None:
        """Tell the other holders of an error after which no request at the endpoint can succeed."""
        self._tell("closed", error)

    def on_ready(self, callback: Callable[[], None]) -> None:
        super().on_ready(callback)
        self._soon(GAP)

    def close(self) -> None:
        """Give everything back, and drop all callbacks and timers."""
        super().close()
        self._backlogs.clear()
        self._closed = True
        self._peak = 0
        self._report()

    def take(self, message: dict[str, Json]) -> None:
        """Take a message of the book."""
        now = asyncio.get_running_loop().time()
        if "places" in message and message["turn"] > self._turn:
            lower = self._closed or message["places"] < self.places
            self.places, self._turn = message["places"], message["turn"]
            self._soon(GAP if lower else SLACK)
        if "metered" in message:
            self._permits.needed = message["metered"]
        if "given" in message:
            permits = self._permits
            permits.left += message["given"][0]
            permits.tokens += message["given"][1]
            permits.seen += message["given"][0]
            permits.fresh = now
            self._soon(GAP if self._closed else AGE)
        if "pause" in message:
            super().pause(message["pause"])
        if "barred" in message:
            self._bar(now, barred=message["barred"])
        if "probe" in message:
            self._barred = False
            self._breaker.take_over(now - message["probe"], now + self._breaker.cooling)
        if "closed" in message and self.on_closed is not None:
            for error in message["closed"]:
                self.on_closed(error)
        self._waiters.call()

    def _bar(self, now: float, *, barred: bool) -> None:
        if self._barred and not barred:
            self._breaker.answered(True)
            self._width.restart(now)
        self._barred = barred

    def _ready(self, now: float) -> float:
        if self._barred or self._permits.lack(self._head):
            return inf
        return super()._ready(now)

    def _opening(self, now: float) -> float:
        return inf if self.active >= self.places else super()._opening(now)

    def _tell(self, name: str, value: Json) -> None:
        """Report at once."""
        self._news[name] = value
        self._soon(0.0)

    def _soon(self, seconds: float) -> None:
        """Report in at most so many seconds."""
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._reported) + seconds
        if self._reporting is None or at < self._reporting.when() - 1e-9:
            if self._reporting is not None:
                self._reporting.cancel()
            self._reporting = loop.call_at(at, self._report)

    def _report(self) -> None:
        """Report what has changed since the last report."""
        if self._reporting is not None:
            self._reporting.cancel()
        self._reporting = None
        now = asyncio.get_running_loop().time()
        if self._closed:
            self.places = min(self.places, 0)
            self._permits.give_back()
        waiting = sum(count() for count in self._backlogs) if self._backlogs else int(bool(self._waiters))
        need = self.active + waiting
        report, self._news = self._news, {}
        want, self._peak = max(self._peak, need), need
        state: dict[str, Json] = {"want": want}
        state["has"] = 0 if self.limit is None else int(max(self.places, self.active))
        state["turn"] = self._turn
        if state != self._told:
            self._told = state
            report |= state
        permits = self._permits
        if any(permits.needed):
            self._account(report, waiting, now)
        if report:
            report["active"], report["under"] = self.active, self._quota.under_way
            if self._slow:
                report["slow"], self._slow = self._slow, 0.0
            self._reported = now
            self._send(report)
        if self._closed:
            return
        if want > need or permits.left or permits.tokens:
            self._soon(SLACK)

    def _account(self, report: dict[str, Json], waiting: int, now: float) -> None:
        """Add the account of the permits, and ask for those that are needed."""
        permits = self._permits
        short = permits.needed[1] and permits.tokens < self._head
        if not waiting or short or now > permits.fresh + AGE:
            permits.give_back()
        cap = min(self.places, self._width.width)
        count = min(waiting, max(0, cap - self.active) + max(1, cap // 2)) - permits.left
        first = self._head if permits.tokens < self._head or not permits.left else self._mean
        ask = [max(0, ceil(count)), first or self._mean, self._mean, permits.seen]
        known = permits.asked
        if (ask[0] or known[0]) and (ask != known or any(permits.back) or any(permits.used)):
            report["ask"] = permits.asked = ask
        for name in ("used", "back"):
            if any(count := getattr(permits, name)):
                report[name] = count
                setattr(permits, name, [0, 0.0])
        if permits.more:
            report["more"], permits.more = permits.more, 0.0


def _rate(rate: Rate) -> list[Json]:
    return [rate.limit, rate.remaining, rate.reset]
