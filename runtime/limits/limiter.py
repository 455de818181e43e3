"""The limiter of an endpoint. Its users need no task for a request that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from math import inf
from typing import TYPE_CHECKING, Protocol

from flowrun.dsl import dataclass

from ..vocabulary.pace import Pace
from ..vocabulary.usage import Rates
from ..vocabulary.waits import Cause, Reason
from .breaker import Breaker
from .ramp import FIRST, Ramp
from .rate import Quota
from .terms import UNKNOWN_TERMS, EndpointTerms
from .verdict import Verdict
from .waiters import CLOSE, Waiters
from .width import Width

if TYPE_CHECKING:
    from .run_portion import Portion

_FULL = 0.875
"""The part of the places in use from which on they count as used: some are always between two requests."""
NO_PLACE: tuple[Reason, ...] = ((Cause.WIDTH, inf),)
"""The reasons while all places are taken and nothing else holds requests back."""


@dataclass(eq=False, slots=True)
class Place:
    """The place of a request in flight, from ``acquire`` to ``release``.

    ``rank`` is the number in flight with it, when it was sent at ``sent``, a time of the event loop.
    """

    rank: int
    sent: float
    epoch: int
    tokens: int
    probe: bool
    held: bool = True


class LimiterMaker(Protocol):
    """A function that makes the limiter of an endpoint."""

    def __call__(self, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS, /) -> Limiter: ...


class Limiter:
    """The places for requests at an endpoint. Their number and rate are limited.

    A pause or an outage closes all of them.

    A user takes a place with ``acquire`` before a request is sent. After the request it gives the place back with
    ``release``, with a verdict on the server. A user that gets no place leaves a callback with ``on_ready``. The
    limiter calls it once, when there may be a place; the first to ask is called first. A limiter belongs to one event
    loop.

    ``limit`` is the most requests that may be in flight; without one there is no ceiling but the server's own.
    ``answers`` counts the requests that were served. ``widest`` is the number of requests that were allowed at once so
    far, at the most. ``ended`` is the event loop's time of the last end of a request.
    ``portion`` is the part of the limits that this limiter has, if other runs share them.
    """

    def __init__(self, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS) -> None:
        start = limit or FIRST if terms.start is None else terms.start
        if (limit is not None and limit < 1) or start < 1:
            raise ValueError("a limit is at least 1")
        self.limit = limit
        self.patience = terms.patience
        self.active = 0
        self.answers = 0
        self.ended = 0.0
        self._width = Width(inf if limit is None else limit, start, terms.refused_at or inf, terms.further or start)
        told = limit is not None and start >= limit
        self._ramp = Ramp(terms.pacing, start, told=told, trusted=terms.trusted, traffic=terms.traffic)
        self._narrowest, self.widest = self._width.width, self.reach
        self._breaker = Breaker(terms.cooling)
        self.quota = Quota(terms.rpm, terms.tpm)
        self.portion: Portion | None = None
        self._paused_until = 0.0
        self.waiters = Waiters(self._opening, lambda: self.active)

    @property
    def width(self) -> int:
        """The number of requests that may be in flight, as soon as the ramp has come that far."""
        return self._width.width

    @property
    def start(self) -> int:
        """The number of requests that could be in flight at first."""
        return self._ramp.start

    @property
    def taken(self) -> int:
        """The number of requests in flight that the server has taken for certain: it served them all."""
        return self._width.taken

    @property
    def pace(self) -> Pace:
        """The pace of the server, as far as the requests of this limiter prove it.

        A refusal that no answer followed proves no width, because the server may be down.
        """
        refused, told = self._breaker.refused and self.since is None, self.quota.told
        rising = self._width.rising and self.taken > self.start and not refused
        return Pace(self._width.useful, refused, told.requests.limit, told.tokens.limit, rising=rising)

    @property
    def reach(self) -> int:
        """The number of requests in flight that the ramp has come to, and at most the width."""
        return int(min(self._width.width, self._ramp.level))

    @property
    def narrowest(self) -> int:
        """The fewest requests that were allowed at once so far. The ramp at the beginning does not count."""
        return min(self._narrowest, self.widest)

    @property
    def full(self) -> bool:
        """True if all places are taken."""
        return self.active >= self._width.width or (self.portion is not None and self.active >= self.portion.places)

    @property
    def known(self) -> bool:
        """True if the server has served a request. So it exists and accepts the key."""
        return self._breaker.known

    @property
    def down(self) -> bool:
        """True if the server serves no request at all. Then single requests find out when it serves again."""
        return self._breaker.certain

    @property
    def since(self) -> float | None:
        """The event loop's time of the first failure or refusal since the last answer. None without one."""
        return self._breaker.since

    @property
    def hopeless(self) -> bool:
        """True if the server has served nobody for so long that waiting requests may give up."""
        if self._breaker.since is None:
            return False
        return self._breaker.hopeless(asyncio.get_running_loop().time(), self.patience)

    @property
    def only_full(self) -> bool:
        """True if the number of places is surely the only cause for which no request can be sent."""
        shared = self.portion is not None and self.active >= self.portion.places
        return self.full and not shared and not self._paused_until and not self._breaker.open and self.quota.free

    @property
    def runs(self) -> int:
        """The highest number of runs that shared the limits at the same time."""
        return self.portion.most if self.portion is not None else 1

    def reasons(self, now: float) -> tuple[Reason, ...]:
        """Return the causes for which no request can be sent, in the order in which they count. Empty if one can."""
        portion = self.portion
        if portion is not None and (portion.lacking or portion.places <= self.active < self._width.width):
            return ((Cause.RATE, inf),) if portion.places > self.active else ((Cause.SHARE, inf),)
        if self._ready(now) <= now + CLOSE:
            return NO_PLACE if self.full else ()
        timed = (
            (Cause.RETRY_AFTER, self._paused_until),
            (Cause.OUTAGE, self._breaker.ready()),
            (Cause.RATE, self.quota.ready(now)),
        )
        found = tuple(one for one in timed if one[1] > now)
        # The ramp opens one place after another.
        return found + (NO_PLACE if self.full or not found else ())

    def acquire(self, tokens: int = 0) -> Place | None:
        """Take a place, or return None. ``tokens`` is an estimate of the tokens that count against a limit."""
        active, width, portion = self.active, self._width, self.portion
        if active >= width.width or (portion is not None and not portion.admits(active, tokens)):
            return None
        now = asyncio.get_running_loop().time()
        if self._ready(now) > now + CLOSE:
            return None
        if not active:
            width.begin(now)
        self._ramp.take(now, active, self.answers)
        self.active += 1
        self.quota.take(now, tokens)
        if portion is not None:
            portion.use(self.active, tokens, now)
        return Place(self.active, now, width.epoch, tokens, self._breaker.take())

    def release(
        self, place: Place, verdict: Verdict = Verdict.NEUTRAL, used: int | None = None, who: Hashable = None
    ) -> None:
        """Give a place back. ``used`` are the tokens that the request took in the end, None if not known.

        ``who`` identifies the call, because a call may have several attempts. None counts as a call of its own.
        """
        if not place.held:
            raise RuntimeError("a place was released twice")
        place.held = False
        now = asyncio.get_running_loop().time()
        in_flight, self.active = self.active, self.active - 1
        self.ended = now
        self.quota.settle(place.tokens, used)
        if self.portion is not None:
            self.portion.ended(now - place.sent, 0 if used is None else used - place.tokens)
        width = self._width
        if verdict is Verdict.OK:
            self.answers += 1
            if self._breaker.answered(place.probe):
                width.restart(now)
            width.took(place.rank, place.epoch)
            width.good(now, in_flight >= _FULL * self.reach, self._ramp.level)
        elif verdict is Verdict.NEUTRAL:
            self._breaker.given_up(place.probe)
        else:
            self._breaker.bad(now, verdict, place.probe, place if who is None else who, in_flight == 1)
            if verdict in (Verdict.REFUSED, Verdict.OVERLOADED):
                far = self._ramp.far(now, place.sent)
                width.refused(now, place.epoch, in_flight, far=far)
                self._ramp.refused(width.width, far=far)
        self._narrowest = min(self._narrowest, width.width)
        if self.widest < width.width and self.widest < self._ramp.level:
            self.widest = max(self.widest, self.reach)
        self.waiters.call()

    def withdraws(self, place: Place) -> bool:
        """Tell whether a request that has this place and was not sent must wait again.

        Others were refused since it got the place, and there are too many.
        """
        return place.epoch != self._width.epoch and self.active > self._width.width and not place.probe

    def hold_to(self, limit: int) -> None:
        """Keep to another limit, which the provider knows only after its start."""
        if limit == self.limit:
            return
        self.limit = limit
        self._width = Width(limit, limit)
        self._ramp = Ramp(None, limit, told=True)
        self._narrowest, self.widest = min(self._narrowest, limit), max(self.widest, self.reach)
        self.waiters.call()

    def pause(self, seconds: float) -> None:
        """Give out no place for this many seconds. A longer pause that is already running stays as it is."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def learn(self, rates: Rates) -> None:
        """Apply the limits that the server reports in its headers."""
        self.quota.learn(rates, asyncio.get_running_loop().time(), max(0, self.active - 1))
        room = self.quota.room(rates, self.active)
        if room and self._width.open(self.active + room):
            self._ramp.allowed = True

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when a place is free. A second request before that changes nothing."""
        self.waiters.add(callback, full=self.full)

    def waits_alone(self, callback: Callable[[], None]) -> bool:
        """Tell whether no callback other than this one waits for a place."""
        return self.waiters.none_but(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """Withdraw a callback that was left with ``on_ready``."""
        self.waiters.forget(callback)

    def forget_alone(self, callback: Callable[[], None]) -> None:
        """Withdraw a callback that was left with ``on_ready`` if no other one waits for a place."""
        self.waiters.forget_alone(callback)

    def close(self) -> None:
        """Drop all callbacks and the timer."""
        self.waiters.close()

    def _ready(self, now: float) -> float:
        """Work out the event loop's time at which a request may be sent, if the width allows one more."""
        if self.portion is not None and self.portion.lacking:
            return inf
        ramp = 0.0 if self.active < self._ramp.level else self._ramp.ready(now, self.active)
        return max(self._paused_until, self._breaker.ready(), self.quota.ready(now), ramp)

    def _opening(self, now: float) -> float:
        return inf if self.full else self._ready(now)
