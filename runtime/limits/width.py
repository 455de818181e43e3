"""How many requests an endpoint takes at once, found out by asking: more while that goes well, fewer when it refuses.

Additive increase and multiplicative decrease as in TCP (RFC 5681: slow start, one decrease for all that was in flight),
with two differences. A server says how many it refused, so the width goes straight to what was left. And near a width
that was refused the next try is a single request after many good ones, as CUBIC (RFC 9438) lingers there: refused
requests are to be few.
"""

from __future__ import annotations

from enum import Enum
from math import inf


class Verdict(Enum):
    """What the end of a request says of its server.

    ``REFUSED``: not now (429, 503, 529). ``FAILED``: no connection, 5xx, a time-out. ``NEUTRAL`` says nothing: a
    request that was given up, or was wrong in itself.
    """

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"
    NEUTRAL = "neutral"


DECREASE = 0.7
CALM = 66
"""Good requests at a width before one more is tried, at first; twice as many after each try that was refused."""
CALMEST = 240
"""The most of them; at a small width five rounds, for there they take long, and the server may have grown."""
GAIN = 0.4
"""The part of a wider round's width that must come back as more answers a second, or the server only lets them wait."""
_NOISE = 0.1
"""By how much the answers a second vary of themselves."""


class Width:
    """``width`` is how many may be in flight, from 1 to ``limit``; ``epoch`` counts the times it was cut.

    ``safe`` is the width that is thought to be taken. ``step`` is by how much it was widened on trial, 0 for none.
    """

    def __init__(self, limit: int, start: int) -> None:
        self.limit = limit
        self.width = min(start, limit)
        self.epoch = 0
        self.safe: float = inf
        self.step = self.width
        self._calm = 0
        self._hold = CALM
        self._event = 0
        self._refused = 0
        self._since = 0.0
        self._best = 0.0

    def good(self, now: float, full: bool) -> None:
        """A request went well; ``full`` says that all places were taken, so that a wider width could be of use."""
        if self.width < self.safe < inf:
            self.width += 1
            self._begin(now)
            return
        if not full or self.width >= self.limit:
            self._calm = 0 if not full else self._calm
            return
        if self._calm == 0:
            self._since = now
        self._calm += 1
        if self.step and self._calm > self.width:
            self._passed(now)
        elif not self.step and self._calm >= self._hold:
            self.step = 1
            self.width += 1
            self._begin(now)

    def _passed(self, now: float) -> None:
        """A whole round at this width went well."""
        rate = (self._calm - 1) / (now - self._since) if now > self._since else inf
        wider = self.width / max(1, self.width - self.step)
        if rate < self._best * (1 + (wider - 1) * GAIN - _NOISE):
            # They only wait longer: back to what brought as much.
            self.width = max(1, self.width - self.step)
            self.safe, self.step, self._hold = self.width, 0, self._calmest()
        else:
            self._best = rate
            self.safe = self.width
            self.step = min(max(1, self.step * 2), self.width)
            self.step = min(self.step, self.limit - self.width)
            self.width += self.step
        self._begin(now)

    def refused(self, now: float, epoch: int, in_flight: int) -> None:
        """A request was sent away that left in this epoch; ``in_flight`` counts all that were out, with it."""
        if epoch == self.epoch:
            gentle = self.step == 1
            self.epoch += 1
            self._event, self._refused = in_flight, 0
            self._hold = min(2 * self._hold, self._calmest()) if gentle else CALM
            # After a try with one more it is known what is taken.
            self.width = max(1, min(self.width, in_flight - 1 if gentle else int(in_flight * DECREASE)))
            self.step, self._best = 0, 0.0
        elif epoch < self.epoch - 1:
            return
        self._refused += 1
        left = max(1, self._event - self._refused)
        self.safe = min(left, self.limit)
        self.width = min(self.width, left)
        self._begin(now)

    def restart(self, now: float) -> None:
        """The server was gone, and is there again: from one request back to what it took."""
        self.safe = min(self.safe, self.width)
        self.width, self.step = 1, 0
        self._begin(now)

    def _calmest(self) -> int:
        return min(CALMEST, max(CALM, 5 * self.width))

    def _begin(self, now: float) -> None:
        self._calm, self._since = 0, now
