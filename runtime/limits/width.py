"""How many requests an endpoint takes at once, found out by asking: more while that goes well, fewer when it refuses.

Additive increase and multiplicative decrease as in TCP (RFC 5681: slow start, one decrease for all that was in flight),
with three differences. A server says how many it refused, so the width goes straight to what was left. The width that
was refused last is remembered as in CUBIC (RFC 9438): up to it the width doubles, there it lingers. And beyond it the
next try is a single request, after a round of good ones at first and then after more and more: refused requests are to
be few.
"""

from __future__ import annotations

from math import inf

DECREASE = 0.7
CALM = 66
"""The most good requests at a small width before one more is tried; at first it is one round, then twice as many after
each try that was refused."""
CALMEST = 240
"""The most of them at a large width; between the two five rounds, for they take long, and the server may have grown."""
GAIN = 0.4
"""The part of a wider round's width that must come back as more answers a second, or the server only lets them wait."""
_NOISE = 0.1
"""By how much the answers a second vary of themselves at the least; in a round of n by the root of 1/n."""


class Width:
    """``width`` is how many may be in flight, from 1 to ``limit``; ``epoch`` counts the times it was cut.

    ``safe`` is the width that is thought to be taken, ``refused_at`` the last that was refused. ``step`` is by how much
    it was widened on trial, 0 for none. ``proven`` is the last width at which a whole round went well.
    """

    def __init__(self, limit: int, start: int) -> None:
        self.limit = limit
        self.width = min(start, limit)
        self.epoch = 0
        self.safe: float = inf
        self.refused_at: float = inf
        self.step = self.width
        self.proven = self.width
        self._good = 0
        self._calm = 0
        self._hold = CALM
        self._event = 0
        self._refused = 0
        self._since = 0.0
        self._best = 0.0

    def good(self, now: float, full: bool) -> None:
        """A request went well; ``full`` says that all places were taken, so that a wider width could be of use."""
        self._good += 1
        if self._good >= self.width:
            self.proven = self.width
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
        noise = max(_NOISE, self._calm**-0.5)
        if rate < self._best * (1 + (wider - 1) * GAIN - noise):
            # They only wait longer: back to what brought as much. One round that was quick by chance is outlived.
            self._best = (self._best + rate) / 2
            self.width = max(1, self.width - self.step)
            self.safe, self.step = self.width, 0
            self._hold = min(2 * self._hold, self._calmest())
        else:
            self._best = rate
            self.safe = self.width
            self.step = self._next_step()
            self.width += self.step
            # Where more is taken than was the next refusal is news, too.
            self._hold = self._round()
        self._begin(now)

    def _next_step(self) -> int:
        if self.width >= self.refused_at:
            self.refused_at = inf
        if self.refused_at < inf:
            step = min(self.width, int(self.refused_at) - 1 - self.width)
        else:
            step = min(max(1, self.step * 2), self.width)
        return max(0, min(step, self.limit - self.width))

    def refused(self, now: float, epoch: int, in_flight: int) -> None:
        """A request was sent away that left in this epoch; ``in_flight`` counts all that were out, with it."""
        if epoch == self.epoch:
            gentle = self.step == 1
            self.epoch += 1
            self._event, self._refused = in_flight, 0
            self.refused_at = in_flight
            # After a try with one more it is known what is taken.
            self.width = max(1, min(self.width, in_flight - 1 if gentle else int(in_flight * DECREASE)))
            self._hold = min(2 * self._hold, self._calmest()) if gentle else self._round()
            self.step, self._best = 0, 0.0
        elif epoch < self.epoch - 1:
            return
        self._refused += 1
        left = max(1, self._event - self._refused)
        self.safe = min(left, self.limit)
        self.width = min(self.width, left)
        self._begin(now)

    def restart(self, now: float) -> None:
        """The server was gone, and is there again: from one request, by doubling, back to what it took."""
        # Requests that left before that say nothing of the server that is back.
        self.epoch += 2
        self.safe = self.proven
        self._hold = min(self.proven, self._calmest())
        self.width, self.step, self._best = 1, 0, 0.0
        self._begin(now)

    def _round(self) -> int:
        return min(self.width, self._calmest())

    def _calmest(self) -> int:
        return min(CALMEST, max(CALM, 5 * self.width))

    def _begin(self, now: float) -> None:
        self._calm, self._good, self._since = 0, 0, now
