"""The ramp of an endpoint. Requests leave in small steps, never in a burst, and the first refusal stops them.

A server refuses within milliseconds, while an answer takes long. So the requests that are sent before the first refusal
arrives are all that can be refused. A step is so small that there are few of them, on a host nearby and on a far one.
"""

from __future__ import annotations

from math import inf

from flowrun.dsl import dataclass

FIRST = 8
"""The requests that are sent at once to a server about which nothing is known."""
QUIET = 0.05
"""The seconds after them in which a refusal may come."""
FEW = 20
"""Up to this level the steps are small, because a small server is probed often later on."""
FEW_A_SECOND = 160.0
SOME = 64
"""The answers, or the number in flight, from which on the server counts as known."""
STEP = 0.00025
"""The least seconds between two steps."""
MANY = 3000
"""From so many answers on, the steps grow with their number: the refusals stay a small part of them."""
_LATE = 4
"""The steps that may be made up for when the event loop was busy. The refusals may wait there, too."""
LAG = 0.03
"""The most seconds until a refusal of a host nearby, on a busy machine."""


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


FAR = Pacing(blind=180, known=180, allowed=180, told=2_000, trusted=10_000)
"""For a host on the internet. Its refusals need a round trip of up to 50 ms."""
NEAR = Pacing(blind=320, known=2_500, allowed=12_000, told=20_000, trusted=60_000)
"""For this machine and private networks. Their refusals come within a millisecond or two."""


class Ramp:
    """The ramp to the width of an endpoint. ``level`` is the number of requests that it allows at the moment.

    Without a ``pacing`` there is no ramp. ``start`` is the width at the beginning; ``told`` and ``trusted`` say what it
    rests upon.
    """

    def __init__(self, pacing: Pacing | None, start: int, *, told: bool = False, trusted: bool = False) -> None:
        self.level: float = inf if pacing is None else min(FIRST, start)
        self._pacing = pacing or NEAR
        self.start = start
        self._trusted = trusted
        self._told = told
        self.allowed = False
        self._at = 0.0
        self._rate = self._now(0)

    def ready(self, active: int) -> float:
        """Return the event loop's time at which a request may be sent beside ``active`` others."""
        return 0.0 if active < self.level else self._at + self._step

    @property
    def _step(self) -> float:
        """The seconds of a step."""
        return max(STEP, 1 / self._rate)

    def take(self, now: float, active: int, answers: int) -> None:
        """Count a request that is sent beside ``active`` others. ``answers`` have come so far."""
        if active < self.level:
            return
        self.level += max(1.0, min(now - self._at, _LATE * self._step) * self._rate)
        self._at = now
        self._rate = self._now(answers)

    def _now(self, answers: int) -> float:
        pacing = self._pacing
        if self._trusted and self.level < self.start:
            return pacing.trusted
        if self._told:
            return pacing.told
        if self.allowed or answers >= SOME or (answers and self.level >= SOME):
            return max(1.0, answers / MANY) * (pacing.allowed if self.allowed else pacing.known)
        if self.level <= FIRST:
            return 1 / QUIET
        return FEW_A_SECOND if self.level < FEW else pacing.blind

    def far(self, seconds: float) -> bool:
        """Tell whether a refusal after so many seconds came from far away."""
        return seconds > LAG and self.level < inf

    def refused(self, width: int, *, far: bool) -> None:
        """Stop at the width that is left. A refusal from ``far`` shows that the host is not nearby."""
        if self.level == inf:
            return
        self.level = min(self.level, width)
        self._trusted = self._told = self.allowed = False
        if far:
            self._pacing = FAR
