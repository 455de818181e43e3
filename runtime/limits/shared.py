"""The limiters of the endpoints of a process, which all of its runs share.

A rate of a server holds for an account, not for a run. So two runs at one endpoint have one limiter. Each of them uses
it through a ``SharedLimiter`` of its own, which drops what the run has left there when the run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..vocabulary.traffic import Traffic
from ..vocabulary.usage import Rates
from ..vocabulary.waits import Reason
from .limiter import Limiter, LimiterMaker, Place
from .terms import UNKNOWN_TERMS, EndpointTerms
from .verdict import Verdict


class Common(Limiter):
    """The limiter of an endpoint. It keeps to the strictest limits that one of its runs has set so far."""

    def __init__(self, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS) -> None:
        """Begin with the terms of the first run. The traffic is that of all runs that go on."""
        self._traffic: list[Traffic] = []
        self._told = True
        super().__init__(limit, replace(terms, traffic=self._traffic))

    turns: Any = None
    """The turns at the book of other processes, if a run of this one has begun them. The last user ends them."""
    users = 0

    def join(self, traffic: Sequence[Traffic]) -> None:
        """Count the traffic of a run that begins. Once a run does not tell it, that of no run counts."""
        self._told = self._told and bool(traffic)
        self._traffic[:] = [*self._traffic, *traffic] if self._told else []

    def part(self, traffic: Sequence[Traffic]) -> None:
        """Leave out the traffic of a run that ends."""
        self._traffic[:] = [one for one in self._traffic if one not in traffic]

    def tighten(self, limit: int | None, rpm: int | None, tpm: int | None) -> None:
        """Keep to these limits, too."""
        if limit is not None and (self.limit is None or limit < self.limit):
            self.hold_to(limit)
        before = self.quota.rates
        rates = _least(before[0], rpm), _least(before[1], tpm)
        if rates != before:
            self.quota.tighten(*rates)


class SharedLimiter(Limiter):
    """The limiter of one run at an endpoint that other runs of the process use, too."""

    def __init__(self, common: Common, traffic: Sequence[Traffic]) -> None:
        # The state of the base class is that of the common limiter: see the properties below.
        self._common = common
        self._traffic = list(traffic)
        self._places: set[Place] = set()
        self._callbacks: set[Callable[[], None]] = set()
        self._closed = False
        common.join(self._traffic)

    @property
    def common(self) -> Common:
        """The limiter of all runs."""
        return self._common

    def reasons(self, now: float) -> tuple[Reason, ...]:
        return self._common.reasons(now)

    def acquire(self, tokens: int = 0) -> Place | None:
        place = self._common.acquire(tokens)
        if place is not None:
            self._places.add(place)
        return place

    def release(
        self, place: Place, verdict: Verdict = Verdict.NEUTRAL, used: int | None = None, who: Hashable = None
    ) -> None:
        if self._closed and place not in self._places:
            return  # it was given back when the run ended
        self._places.discard(place)
        # Calls of two runs may have one number.
        self._common.release(place, verdict, used, None if who is None else (id(self), who))

    def withdraws(self, place: Place) -> bool:
        return self._common.withdraws(place)

    def hold_to(self, limit: int) -> None:
        # It is the number of the model itself, which its process knows only now, and may be greater.
        self._common.hold_to(limit)

    def pause(self, seconds: float) -> None:
        self._common.pause(seconds)

    def learn(self, rates: Rates) -> None:
        self._common.learn(rates)

    def on_ready(self, callback: Callable[[], None]) -> None:
        self._callbacks.add(callback)
        self._common.on_ready(callback)

    def waits_alone(self, callback: Callable[[], None]) -> bool:
        return self._common.waits_alone(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        self._callbacks.discard(callback)
        self._common.forget(callback)

    def forget_alone(self, callback: Callable[[], None]) -> None:
        self._common.forget_alone(callback)

    def close(self) -> None:
        """Drop the callbacks of this run, and give back the places that it still has."""
        for callback in self._callbacks:
            self._common.forget(callback)
        self._callbacks.clear()
        self._closed = True
        for place in tuple(self._places):
            self.release(place)
        self._common.part(self._traffic)
        self._traffic = []


_COMMON = (
    *("limit", "patience", "active", "answers", "width", "start", "taken", "pace", "reach", "narrowest", "widest"),
    *("full", "known", "down", "since", "hopeless", "only_full"),
    *("portion", "quota"),
)
"""The attributes that a run reads of the common limiter."""


def _of_common(name: str) -> property:
    def read(limiter: SharedLimiter) -> Any:
        return getattr(limiter._common, name)

    return property(read)


for _name in _COMMON:
    setattr(SharedLimiter, _name, _of_common(_name))


class Limiters:
    """The limiters of a process by the address of their endpoint. All of its runs have one event loop."""

    def __init__(self) -> None:
        self._common: dict[str, Common] = {}

    def limiter_at(self, endpoint: str) -> LimiterMaker:
        """Return what makes the limiter of a run at an endpoint, with the arguments of ``Limiter``."""
        return partial(self._of_run, endpoint)

    def _of_run(self, endpoint: str, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS) -> SharedLimiter:
        common = self._common.get(endpoint)
        if common is None:
            common = self._common[endpoint] = Common(limit, terms)
        else:
            common.tighten(limit, terms.rpm, terms.tpm)
        return SharedLimiter(common, terms.traffic)


def _least(one: float | None, other: float | None) -> float | None:
    return min((given for given in (one, other) if given is not None), default=None)
