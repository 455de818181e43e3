"""The width of an endpoint: the number of requests that it takes at once. It is found by trial.

It grows while requests succeed and shrinks when the endpoint refuses some, as in TCP (RFC 5681). In slow start each
good answer adds a place, so that the width doubles in a round. A round must also bring more answers a second than the
round before: a server that only lets requests wait is not pushed further. The number of refused requests is known, so
the width falls at once to the number of the others. As in CUBIC (RFC 9438), the highest refused width is remembered,
and slow start ends below it. From there the width grows by one request on trial, after more and more good answers, so
that few requests are refused.
"""

from __future__ import annotations

from enum import Enum
from math import inf

from flowrun.dsl import dataclass

DECREASE = 0.7
CALM_FIRST = 32
"""The least good requests before a wider width is tried after a refusal. They double with each refused try."""
CALM_LESS = 8
"""The same if the server refused a width that it had taken: the cause may have been something else."""
CALM = 140
"""The most good requests before that, if one round has fewer. So fewer than one request in a hundred is refused."""
REST = 0.25
"""The seconds from a refusal to the first try of a wider width. They double with each refused try."""
LONGEST = 4.0
"""The most seconds to that try. A server that has grown is found within them."""
GAIN = 0.4
"""The part of a gain in width that must come back as more answers a second. With less, the server only lets requests
wait."""
_NEAR = 1.25
"""Two refusals are of the same width if the second had at most so many times the requests that the first left."""
_SPARED = 8
"""The part of the width that is left free after some refusals. Requests that were on their way to the server were not
in its count."""
_NOISE = 0.1
"""The share by which the answers a second vary by chance, at the least; in a round of n it is the root of 1/n."""


@dataclass(slots=True)
class Round:
    """The requests that succeed one after another while all places are taken.

    ``wide`` is the number in flight when the round began, ``calm`` the number of answers since then, ``first`` the time
    of the first of them.
    """

    since: float
    wide: int
    calm: int = 0
    first: float = 0.0

    def add(self, now: float) -> None:
        if not self.calm:
            self.first = now
        self.calm += 1

    def rate(self, now: float, *, alone: bool) -> float:
        """Work out the answers per second of the round.

        If no round was before it, the time until the first answer does not count beside the time of the others.
        """
        seconds = max(self.first - self.since, now - self.first) if alone else now - self.since
        return self.calm / seconds if seconds > 0 else inf


@dataclass(slots=True)
class Best:
    """The best round: its answers a second, and the number in flight when it began. A rate of 0 stands for no round."""

    rate: float = 0.0
    wide: int = 1

    def beaten(self, rate: float, wide: int, noise: float) -> bool:
        """Tell whether a round brought as many more answers a second as its width promises."""
        return rate >= self.rate * (1 + (wide / self.wide - 1) * GAIN - noise)


@dataclass(slots=True)
class Refusals:
    """The refusals of requests that were in flight together: ``refused`` of them were refused so far.

    ``before`` is the highest width that was refused before them. ``loose`` says that the server takes fewer than the
    others: they were far away, or about the same width was refused before.
    """

    in_flight: int = 0
    refused: int = 0
    before: float = inf
    loose: bool = False

    @property
    def left(self) -> int:
        """The number of requests that were not refused, at least 1."""
        return max(1, self.in_flight - self.refused)


@dataclass(slots=True)
class Patience:
    """The good requests, and the time after the last refusal, that a wider width waits for."""

    calm: int = CALM_FIRST
    rest: float = REST
    until: float = 0.0

    def begin(self, now: float, calm: int = CALM_FIRST) -> None:
        """Wait from ``now``."""
        self.calm, self.rest = calm, REST
        self.until = now + self.rest

    def again(self, now: float) -> None:
        """Wait from ``now`` twice as long as before, because the same width was tried again."""
        self.calm = min(2 * self.calm, CALM)
        self.rest = min(2 * self.rest, LONGEST)
        self.until = now + self.rest

    def over(self, now: float, answers: int, width: int) -> bool:
        return answers >= max(self.calm, width) and now >= self.until


class Mode(Enum):
    """The growth of a width.

    ``RISING``: each good answer adds a place. ``TRIAL``: one place was added to find out. ``HELD``: it waits.
    """

    RISING = "rising"
    TRIAL = "trial"
    HELD = "held"


class Width:
    """The number of requests that may be in flight: ``width``, from 1 to ``limit``.

    ``epoch`` counts how often it was cut. ``safe`` is the width that the server probably takes, ``taken`` the number in
    flight that it has taken for certain, ``refused_at`` the highest width that it refused. ``proven`` is the last width
    at which a whole round succeeded.
    """

    def __init__(self, limit: float, start: int, refused_at: float = inf, further: int = 0) -> None:
        self.limit = limit
        self.width = int(min(max(start, further), limit))
        self.epoch = 0
        self.safe = int(min(start, limit))
        self.taken = 0
        self.refused_at = refused_at
        self.proven = self.safe
        self.mode = Mode.RISING if self.width < self._most() else Mode.HELD
        self._round = Round(0.0, self.width)
        self._best = Best()
        self._refusal = Refusals()
        self._patience = Patience()

    @property
    def rising(self) -> bool:
        """True if no request was refused so far, and no round brought too little."""
        return self.mode is Mode.RISING and not self.epoch

    @property
    def useful(self) -> int:
        """The number in flight that the server has taken and that was of use: beyond it, requests only waited."""
        held = self.mode is not Mode.RISING and not self.epoch
        return min(self.taken, self.width) if held else self.taken

    def took(self, rank: int, epoch: int) -> None:
        """Count a request that succeeded. ``rank`` is the number in flight at its sending.

        Requests that were refused since then are in that number, and the server did not take them.
        """
        self.taken = max(self.taken, rank if epoch == self.epoch else min(rank, self._refusal.left))

    def begin(self, now: float) -> None:
        """Begin to measure: a request is sent beside no other."""
        if self.width > 1 or self.mode is not Mode.HELD:
            self._round = Round(now, self.width)

    def good(self, now: float, full: bool, level: float = inf) -> None:
        """Count a request that succeeded.

        ``full``: all places were taken, so that a larger width could be of use. ``level`` is the number of places that
        the ramp has come to.
        """
        if self.width < self.safe:
            self.width += 1
            self._round = Round(now, self.width)
            return
        if self.width >= self.limit:
            # A width that leaves its limit begins a round of its own.
            return
        if not full:
            self._round = Round(now, self._open(level))
            return
        done = self._round
        done.add(now)
        if self.mode is not Mode.HELD:
            if self.mode is Mode.RISING and self.width < min(2 * max(self.safe, self.taken), self._most()):
                self.width += self._gains(now, done)
            if done.calm >= done.wide:
                self._judge(now, done, level)
            return
        if done.calm >= self.width:
            self.proven = self.width
        if self._patience.over(now, done.calm, self.width):
            self.mode = Mode.TRIAL
            self.width += 1
            self._round = Round(now, self.width)

    def open(self, width: float) -> bool:
        """Widen to the number of requests that the server says it allows. Return True if that is believed.

        A server that has refused a request in spite of its report is not believed again.
        """
        if self.mode is not Mode.RISING or self.epoch:
            return False
        self.width = int(max(self.width, min(width, self.limit)))
        return True

    def _gains(self, now: float, done: Round) -> bool:
        """Tell whether the places of the round before were of use. An eighth of a round tells enough."""
        best = self._best
        return not best.rate or (
            8 * done.calm > done.wide and best.beaten(done.rate(now, alone=False), done.wide, _NOISE)
        )

    def _open(self, level: float) -> int:
        return max(1, int(min(self.width, level)))

    def _most(self) -> float:
        return min(self.limit, self.refused_at - 1)

    def _judge(self, now: float, done: Round, level: float) -> None:
        """Judge a whole successful round. Rise further, or go back if its width gained too little."""
        best = self._best
        rate = done.rate(now, alone=not best.rate)
        if best.beaten(rate, done.wide, max(_NOISE, done.calm**-0.5)):
            if self.mode is Mode.RISING or not best.rate:
                self._best = Best(rate, done.wide)
            self.safe = self.proven = done.wide
            if done.wide > _NEAR * self._refusal.left:
                self._patience.begin(now)
            if self.mode is Mode.TRIAL and self.width >= self.refused_at:
                self.refused_at = inf
            most = self._most()
            self.width = int(max(self.width, min(2 * done.wide, most)))
            self.mode = Mode.RISING if self.width < most else Mode.HELD
        else:
            # Requests only wait longer: go back to the width that brought as much. The best rate sinks toward this one,
            # so that a round that was quick by chance does not count for ever.
            best.rate = (best.rate + rate) / 2
            self.width = self.safe = min(self.width, best.wide)
            self.mode = Mode.HELD
            self._patience.again(now)
        self._round = Round(now, self._open(level))

    def refused(self, now: float, epoch: int, in_flight: int, *, far: bool = False) -> None:
        """Cut the width after a refusal. ``epoch`` is that of the request's sending; ``in_flight`` includes it.

        A refusal from ``far`` took long to arrive.
        """
        if epoch == self.epoch:
            trial, left = self.mode is Mode.TRIAL, self._refusal.left
            again = left < in_flight <= _NEAR * left + 1
            self.epoch += 1
            self._refusal = Refusals(in_flight, 0, self.refused_at, (again or far) and not trial)
            # After a trial with one request more, the width that is taken is known.
            self.width = max(1, min(self.width, in_flight - 1 if trial else int(in_flight * DECREASE)))
            if again or trial:
                self._patience.again(now)
            else:
                self._patience.begin(now, CALM_FIRST if in_flight > left else CALM_LESS)
            self.mode = Mode.HELD
            self._best = Best()
        elif epoch < self.epoch - 1:
            return
        self._refusal.refused += 1
        left = int(min(self._refusal.left, self.limit))
        # A server that takes far fewer than before may take as many again. Otherwise the memory of more was wrong.
        before = self._refusal.before
        self.refused_at = before if 2 * left < before < inf else left + 1
        self.safe, self.taken = left - left // _SPARED * self._refusal.loose, min(self.taken, left)
        self.width = min(self.width, left)
        self._round = Round(now, self.width)

    def restart(self, now: float) -> None:
        """Restart after an outage: from one request up to the width that the server took before."""
        # Requests that were sent before the end of the outage tell nothing about the server after it.
        self.epoch += 2
        self.width, self.safe = 1, self.proven
        self.mode = Mode.HELD
        self._best = Best()
        self._patience.begin(now)
        self._round = Round(now, 1)
