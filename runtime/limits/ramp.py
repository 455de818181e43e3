"""The ramp of an endpoint. Requests leave in small steps, never in a burst, and the first refusal stops them.

A server refuses soon, while an answer takes long. So two kinds of requests can be refused: those that left between the
first refused one and the arrival of its refusal, and those that had a place but no connection then.

The pace bounds the first kind. On a host nearby that has answered and allows more, 4,000 leave in a second. So 4 are
refused if a refusal takes 1 ms, and 20 if a busy host takes 5 ms, with some more for the way. A slower pace would
refuse fewer, and make every run on a host nearby slower. A width that an earlier run has proved is rarely wrong, so
twice as many may leave towards it: then the pace costs a run no time that the sending does not take anyway. On a far
host a refusal takes a round trip and about 10 ms. The round trip is measured, and ``FEW`` requests leave in that time.

``AHEAD`` bounds the second kind. Those of them that still wait for the journal are called back by the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from flowrun.dsl import dataclass

from ..vocabulary.traffic import Traffic

FIRST = 8
"""The requests that are sent at once to a server about which nothing is known."""
QUIET = 0.05
"""The seconds after them in which a refusal may come."""
LEVEL_FEW = 20
"""Up to this level the steps are small, because a small server is probed often later on."""
FEW_A_SECOND = 160.0
SOME = 64
"""The number in flight from which on a server that has answered counts as known."""
STEP = 0.00025
"""The least seconds between two steps."""
MANY = 3000
"""From so many answers and requests in flight on, the steps grow with their number: refusals stay a small part."""
GROWTH = 12.0
"""The times its level that a ramp grows in a second, until the server is known. So a small server refuses few."""
TRUSTED_GROWTH = 128.0
"""The same for a trusted width. A server that has become small refuses few."""
ALLOWED_GROWTH = 32.0
"""The same for a server that reports that it allows many more. Its report may tell a rate, and no number at once."""
AHEAD = 48
"""The most requests that have a place and no connection while places are added.

So many are sent at once if the user has set the width.
"""
LOOK = 0.002
"""The seconds after which the ramp looks again whether requests got their connections."""
LATE = 0.002
"""The seconds that may be made up for when the event loop was busy. The refusals may wait there, too."""
LAG = 0.03
"""The most seconds until a refusal of a host nearby, on a busy machine."""
FEW = 11
"""The requests that may leave in the time that a refusal takes."""
SERVER = 0.01
"""The seconds that a far server takes to refuse, besides the way there and back."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """The requests a second that are added to those in flight, by what is known about the width.

    Attributes:
        blind: nothing, because no answer has come yet.
        known: the server has answered.
        allowed: the server has answered, and reports that it allows many more requests.
        told: the user has set the width.
        trusted: the server took this width in an earlier run.
    """

    blind: float
    known: float
    allowed: float
    told: float
    trusted: float

    def within(self, rate: float, most: Pacing) -> Pacing:
        """Return the pacing with a measured rate, at least that of this pacing and at most that of another."""
        return Pacing(
            max(self.blind, min(rate, most.blind)),
            max(self.known, min(rate, most.known)),
            max(self.allowed, min(rate, most.allowed)),
            self.told,
            max(self.trusted, min(rate, most.trusted)),
        )


FAR = Pacing(blind=180, known=180, allowed=180, told=2_000, trusted=1_000)
"""For a host on the internet whose distance is not measured. Its refusals need a round trip of up to 50 ms."""
NEAR = Pacing(blind=320, known=2_500, allowed=4_000, told=20_000, trusted=8_000)
"""For this machine and private networks. Their refusals come within a few milliseconds."""


class Ramp:
    """The ramp to the width of an endpoint. ``level`` is the number of requests that it allows at the moment.

    Without a ``pacing`` there is no ramp. ``start`` is the width at the beginning; ``told`` and ``trusted`` say what it
    rests upon. ``traffic`` is that of all providers behind the endpoint; it is empty if they do not tell.
    """

    def __init__(
        self,
        pacing: Pacing | None,
        start: int,
        *,
        told: bool = False,
        trusted: bool = False,
        traffic: Sequence[Traffic] = (),
    ) -> None:
        self.level: float = inf if pacing is None else min(AHEAD if told else FIRST, start)
        self._pacing = pacing or NEAR
        self.start = start
        self._trusted = trusted
        self._told = told
        self._traffic = traffic
        self._round_trip = inf
        self._began = 0.0
        self.allowed = False
        self._at: float | None = None
        self._rate = self._now(0)

    def ready(self, now: float, active: int) -> float:
        """Return the event loop's time at which a request may be sent beside ``active`` others."""
        if active < self.level:
            return 0.0
        on_wire = self._on_wire(active)
        if not on_wire:
            self._began = now
        if not on_wire or active - on_wire >= AHEAD:
            self._at = now
            return now + LOOK
        if self._at is None:
            self._at = now
        return self._at + self._step

    @property
    def _step(self) -> float:
        """The seconds of a step."""
        return max(STEP, 1 / self._rate)

    def take(self, now: float, active: int, answers: int) -> None:
        """Count a request that is sent beside ``active`` others. ``answers`` have come so far."""
        if active < self.level:
            return
        passed = 0.0 if self._at is None else now - self._at
        self.level += max(1.0, min(passed, max(self._step, LATE)) * self._rate)
        self._at = now
        self._measure()
        self._rate = self._now(answers)

    def _on_wire(self, active: int) -> int:
        return sum(one.on_wire for one in self._traffic) if self._traffic else active

    def _measure(self) -> None:
        """Take the pace of a far host from its round trip."""
        found = min((one.round_trip for one in self._traffic if one.round_trip is not None), default=inf)
        if found < self._round_trip:
            self._round_trip = found
            if self._pacing is not NEAR:
                self._pacing = FAR.within(FEW / (found + SERVER), NEAR)

    def _now(self, answers: int) -> float:
        pacing = self._pacing
        if self._trusted and self.level < self.start:
            return min(pacing.trusted, TRUSTED_GROWTH * self.level)
        if self._told:
            return pacing.told
        if answers or self._trusted:
            pace = pacing.allowed if self.allowed else pacing.known
            if self.level >= SOME:
                return pace * max(1.0, (answers + self.level) / MANY)
            if self.level > FIRST:
                growth = ALLOWED_GROWTH if self.allowed else GROWTH
                return min(pace, max(self._blind(), growth * self.level))
        return self._blind()

    def _blind(self) -> float:
        if self.level <= FIRST:
            return 1 / QUIET
        return FEW_A_SECOND if self.level < LEVEL_FEW else self._pacing.blind

    def far(self, now: float, sent: float) -> bool:
        """Tell whether a refusal of a request that was sent at a time came from far away."""
        return self.level < inf and (self._pacing is not NEAR or now - max(sent, self._began) > LAG)

    def refused(self, width: int, *, far: bool) -> None:
        """Stop at the width that is left. A refusal from ``far`` shows that the host is not nearby."""
        if self.level == inf:
            return
        self.level = min(self.level, width)
        self._trusted = self._told = self.allowed = False
        if far:
            # No round trip is less than 0: the pace stays that of a host far away.
            self._pacing, self._round_trip = FAR, 0.0
