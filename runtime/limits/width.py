"""The width of an endpoint: the number of requests that it takes at once. It is found by trial.

It grows while requests succeed and shrinks when the endpoint refuses some: additive increase and multiplicative
decrease, as in TCP (RFC 5681: slow start, one decrease for all requests that were in flight). There are three
differences. The number of refused requests is known, so the width falls at once to the number of the others. As in
CUBIC (RFC 9438), the last refused width is remembered: the width doubles up to it, and stays there for a while. Beyond
it the width grows by one request at a time, first after one round of good requests, then after more and more rounds, so
that few requests are refused.
"""

from __future__ import annotations

from math import inf

from flowrun.dsl import dataclass

DECREASE = 0.7
CALM = 66
"""The most good requests at a small width before a wider width is tried. At first one round is enough, then twice as
many after each refused try."""
CALMEST = 240
"""The most good requests at a large width before that. In between it is five rounds, for rounds take long, and the
server may have grown."""
GAIN = 0.4
"""The part of a gain in width that must come back as more answers a second. With less, the server only lets requests
wait."""
_NOISE = 0.1
"""The share by which the answers a second vary by chance, at the least; in a round of n it is the root of 1/n."""


@dataclass(slots=True)
class Round:
    """The requests that succeeded at one width.

    ``good`` counts all of them, and ``calm`` those in a row while all places were taken. The row began at ``since``.
    """

    since: float
    good: int = 0
    calm: int = 0

    def add_calm(self, now: float) -> None:
        if self.calm == 0:
            self.since = now
        self.calm += 1

    def rate(self, now: float) -> float:
        """Work out the answers per second in the row."""
        return (self.calm - 1) / (now - self.since) if now > self.since else inf


@dataclass(slots=True)
class Refusals:
    """The refusals of requests that were in flight together: ``refused`` of them were refused so far."""

    in_flight: int = 0
    refused: int = 0

    @property
    def left(self) -> int:
        """The number of requests that were not refused, at least 1."""
        return max(1, self.in_flight - self.refused)


class Width:
    """The number of requests that may be in flight: ``width``, from 1 to ``limit``.

    ``epoch`` counts how often it was cut.

    ``safe`` is the width that the server probably takes, ``refused_at`` the last width that it refused. ``step`` is the
    number by which the width was raised on trial, 0 for no trial. ``proven`` is the last width at which a whole round
    succeeded, ``taken`` the number in flight that the server has taken for certain.
    """

    def __init__(self, limit: int, start: int, refused_at: float = inf) -> None:
        self.limit = limit
        self.width = min(start, limit)
        self.epoch = 0
        self.safe: float = self.width if refused_at < inf else inf
        self.refused_at = refused_at
        self.step = 0 if refused_at < inf else self.width
        self.proven = self.width
        self.taken = 0
        self._round = Round(0.0)
        self._refusal = Refusals()
        self._hold = CALM
        self._best = 0.0

    def good(self, now: float, full: bool) -> None:
        """Count a request that succeeded. ``full``: all places were taken, so that a larger width could be of use."""
        self._round.good += 1
        if self._round.good >= self.width:
            self.proven = self.width
        if self.width < self.safe < inf:
            self.width += 1
            self._round = Round(now)
            return
        if not full or self.width >= self.limit:
            self._round.calm = 0 if not full else self._round.calm
            return
        self._round.add_calm(now)
        if self.step and self._round.calm > self.width:
            self._passed(now)
        elif not self.step and self._round.calm >= self._hold:
            self.step = 1
            self.width += 1
            self._round = Round(now)

    def _passed(self, now: float) -> None:
        """Judge a trial after a whole successful round: raise the width further, or go back if it gained too little."""
        rate = self._round.rate(now)
        wider = self.width / max(1, self.width - self.step)
        noise = max(_NOISE, self._round.calm**-0.5)
        if rate < self._best * (1 + (wider - 1) * GAIN - noise):
            # Requests only wait longer: go back to the width that brought as much. The best rate sinks toward this one,
            # so that a round that was quick by chance does not count for ever.
            self._best = (self._best + rate) / 2
            self.width = max(1, self.width - self.step)
            self.safe, self.step = self.width, 0
            self._hold = min(2 * self._hold, self._calmest())
        else:
            self._best = rate
            self.safe = self.width
            self.step = self._next_step()
            self.width += self.step
            # The server takes more than before, so its next refusal tells something new.
            self._hold = self._usual()
        self._round = Round(now)

    def _next_step(self) -> int:
        if self.width >= self.refused_at:
            self.refused_at = inf
        if self.refused_at < inf:
            step = min(self.width, int(self.refused_at) - 1 - self.width)
        else:
            step = min(max(1, self.step * 2), self.width)
        return max(0, min(step, self.limit - self.width))

    def refused(self, now: float, epoch: int, in_flight: int) -> None:
        """Cut the width after a refusal. ``epoch`` is that of the request's sending; ``in_flight`` includes it."""
        if epoch == self.epoch:
            gentle = self.step == 1
            self.epoch += 1
            self._refusal = Refusals(in_flight)
            self.refused_at = in_flight
            # After a trial with one request more, the width that is taken is known.
            self.width = max(1, min(self.width, in_flight - 1 if gentle else int(in_flight * DECREASE)))
            self._hold = min(2 * self._hold, self._calmest()) if gentle else self._usual()
            self.step, self._best = 0, 0.0
        elif epoch < self.epoch - 1:
            return
        self._refusal.refused += 1
        left = self._refusal.left
        self.safe = min(left, self.limit)
        self.taken = min(self.taken, left)
        self.width = min(self.width, left)
        self._round = Round(now)

    def restart(self, now: float) -> None:
        """Restart after an outage: from one request up to the width that the server took before."""
        # Requests that were sent before the end of the outage tell nothing about the server after it.
        self.epoch += 2
        self.safe = self.proven
        self._hold = min(self.proven, self._calmest())
        self.width, self.step, self._best = 1, 0, 0.0
        self._round = Round(now)

    def _usual(self) -> int:
        return min(self.width, self._calmest())

    def _calmest(self) -> int:
        return min(CALMEST, max(CALM, 5 * self.width))
