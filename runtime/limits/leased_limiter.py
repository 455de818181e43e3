"""The limiter of a process that shares an endpoint with others. The endpoint's book leases it places and permits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import replace
from math import inf
from typing import Any

from ..vocabulary.json_value import Json
from ..vocabulary.usage import Rate, Rates
from ..vocabulary.waits import Cause, Reason
from .lease_permits import AGE, Permits
from .lease_reports import GAP, SLACK, Reports
from .limiter import NO_PLACE, Limiter, Place
from .terms import UNKNOWN_TERMS, EndpointTerms
from .verdict import Verdict


class LeasedLimiter(Limiter):
    """The limiter of one holder of a lease on an endpoint. It has the outside of ``Limiter``.

    ``send`` takes the reports to the book (``EndpointBook``), and ``take`` its messages. ``send`` must not answer from
    within. The terms of the endpoint (``limit``, ``rpm``, ``tpm``) hold for all holders together. Without a ``limit``
    each holder learns the number of requests that the server takes, as connections of TCP share a line: the book has
    no part in that. ``closings`` are the errors with which other holders have closed models here, and ``on_closed``
    hears of each. ``tell_closed`` is called when this holder closes one.
    """

    def __init__(
        self, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS, *, send: Callable[[dict[str, Json]], None]
    ) -> None:
        # The book counts requests and tokens; this limiter only keeps the rates.
        super().__init__(limit, replace(terms, rpm=None, tpm=None))
        self.quota.rates = terms.rpm, terms.tpm
        self.places: float = inf if limit is None else 0
        self.closings: list[Json] = []
        self.on_closed: Callable[[Json], None] | None = None
        self.tell_closed: Callable[[Any, Any], None] | None = None
        self._barred = False
        self._sharers = self._most = 0
        self._permits = Permits([terms.rpm is not None, terms.tpm is not None])
        self._reports = Reports(send, self._report)
        self._head = 0

    @property
    def full(self) -> bool:
        return self.active >= min(self.places, self._width.width)

    @property
    def only_full(self) -> bool:
        return super().only_full and not self._barred

    @property
    def runs(self) -> int:
        return max(1, self._most)

    @property
    def awaited(self) -> bool:
        """True if a request waits for a place."""
        return bool(self.waiters)

    def backlog(self, count: Callable[[], int]) -> None:
        """Add a function that returns the number of requests that wait in a queue. Without any, one waits or none."""
        self._reports.backlogs.append(count)

    def expect(self, requests: int) -> None:
        """Ask for the places of so many requests before they come. Only the first report does so."""
        if self._reports.first:
            self._reports.peak = max(self._reports.peak, requests)
            self._reports.now()

    def reasons(self, now: float) -> tuple[Reason, ...]:
        found = super().reasons(now)
        if self._barred:
            return ((Cause.OUTAGE, inf), *found)
        if self._permits.lack(self._head) and not self.full:
            return ((Cause.RATE, inf), *found)
        if self._sharers and found == NO_PLACE and self.places <= self.active < self._width.width:
            return ((Cause.SHARE, inf),)
        return found

    def acquire(self, tokens: int = 0) -> Place | None:
        self._head = tokens
        place = super().acquire(tokens) if self.active < self.places else None
        if place is None:
            self._reports.wanting()
            return None
        self._permits.use(tokens, place.sent)
        self._reports.peak = max(self._reports.peak, self.active)
        self._head = 0
        if any(self._permits.needed):
            self._reports.soon(GAP)
        return place

    def release(
        self, place: Place, verdict: Verdict = Verdict.NEUTRAL, used: int | None = None, who: Hashable = None
    ) -> None:
        reports, was = self._reports, self._breaker.open
        if used is not None and self._permits.needed[1]:
            self._permits.more += used - place.tokens
        super().release(place, verdict, used, who)
        reports.slow = max(reports.slow, self.ended - place.sent)
        if (open_ := self._breaker.open) != was:
            reports.tell("outage", open_)
        reports.soon(GAP if self.active >= self.places or open_ else SLACK)

    def hold_to(self, limit: int) -> None:
        if limit != self.limit:
            super().hold_to(limit)
            self.places = min(self.places, limit) if self.places < inf else 0
            self._reports.tell("limit", limit)

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        self._reports.tell("pause", max(seconds, self._reports.news.get("pause", 0.0)))

    def learn(self, rates: Rates) -> None:
        """Take the limits that the server reports. The book hears of them, and shares out what is left."""
        self.quota.told = rates
        room = self.quota.room(rates, self.active)
        if room and self._width.open(self.active + room):
            self._ramp.allowed = True
        if any(one.remaining is not None and one.reset is not None for one in (rates.requests, rates.tokens)):
            self._reports.news["rates"] = [_rate(rates.requests), _rate(rates.tokens)]
            self._reports.soon(GAP)

    def shut(self, error: Json) -> None:
        """Tell the other holders of an error after which no request at the endpoint can succeed."""
        self._reports.tell("closed", [*self._reports.news.get("closed", ()), error])

    def on_ready(self, callback: Callable[[], None]) -> None:
        super().on_ready(callback)
        self._reports.wanting()

    def close(self) -> None:
        """Give everything back, and drop all callbacks and timers."""
        super().close()
        self._reports.backlogs.clear()
        self._reports.closed = True
        self._reports.peak = 0
        self._reports.now()

    def take(self, message: dict[str, Json]) -> None:
        """Take a message of the book."""
        now = asyncio.get_running_loop().time()
        if "places" in message and message["turn"] > self._reports.turn:
            lower = self._reports.closed or message["places"] < self.places
            self.places, self._reports.turn = message["places"], message["turn"]
            self._reports.soon(GAP if lower else SLACK)
        self._sharers = message.get("shared", self._sharers)
        self._most = max(self._most, self._sharers)
        if "metered" in message:
            self._permits.needed = message["metered"]
        if "given" in message:
            requests, tokens = message["given"]
            self._permits.grant(requests, tokens, now)
            self._reports.soon(GAP if self._reports.closed else AGE)
        if "pause" in message:
            super().pause(message["pause"])
        if "barred" in message:
            self._bar(now, barred=message["barred"])
        if "probe" in message:
            self._barred = False
            self._breaker.take_over(now - message["probe"], now + self._breaker.cooling)
        for error in message.get("closed", ()):
            self.closings.append(error)
            if self.on_closed is not None:
                self.on_closed(error)
        self.waiters.call()

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

    def _report(self) -> None:
        """Report what has changed since the last report."""
        reports, permits, now = self._reports, self._permits, asyncio.get_running_loop().time()
        if reports.closed:
            self.places = min(self.places, 0)
        waiting = sum(count() for count in reports.backlogs) if reports.backlogs else int(bool(self.waiters))
        # Without a limit the book only asks whether there is any need.
        has, most = (0, 1) if self.limit is None else (int(max(self.places, self.active)), self.limit)
        want = reports.state(self.active, waiting, has, most)
        if any(permits.needed):
            reports.news |= permits.ask(waiting, self._head, self.active, min(self.places, self._width.width), now)
        reports.send(self.active, self.quota.under_way)
        if not reports.closed and (want > self.active + waiting or permits.left or permits.tokens):
            reports.soon(SLACK)


def _rate(rate: Rate) -> list[Json]:
    return [rate.limit, rate.remaining, rate.reset]
