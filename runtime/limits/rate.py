"""Rate limits: those that the flow sets, and those that the server reports in its headers."""

from __future__ import annotations

from collections.abc import Sequence

from ..vocabulary.usage import Rate, Rates

BURST = 1.0
"""The seconds whose share of requests or tokens may go at once after a rest."""
_CLOSE = 1e-9


class CellRate:
    """A generic cell rate algorithm (ITU-T I.371): an even rate, without a count of past requests.

    A request that costs more than the burst is allowed too, and the next request waits for it.
    """

    def __init__(self, per_minute: float) -> None:
        self._each = 60.0 / per_minute
        # The burst is at least one request: with less, no request would ever go.
        self._burst = max(0.0, BURST - self._each)
        self._next = 0.0

    def ready(self, now: float) -> float:
        """Return the event loop's time at which the next request may be sent. A past time means at once."""
        return self._next - self._burst

    def take(self, now: float, cost: float) -> None:
        self._next = max(self._next, now) + cost * self._each

    def slower(self, per_minute: float) -> CellRate:
        """Return a rate with fewer requests or tokens a minute that goes on from this one."""
        found = CellRate(per_minute)
        found._next = self._next
        return found

    def counted(self, now: float) -> float:
        """Return the seconds until all that was sent would have been sent evenly."""
        return max(0.0, self._next - now)

    def defer(self, until: float) -> None:
        """Count as much as if others had sent until this time."""
        self._next = max(self._next, until)

    def correct(self, more: float) -> None:
        """Correct an estimate. ``more`` is the difference between the real amount and the estimate."""
        self._next += more * self._each


class Told:
    """The rest of a limit as the server last reported it.

    It holds until the next report, or until the server's window is full again.
    """

    def __init__(self) -> None:
        self.left: float | None = None
        self._whole = 0.0

    def learn(self, rate: Rate, now: float, under_way: float) -> None:
        """Take a report of the server. ``under_way`` is the amount that the report may not include yet."""
        if rate.remaining is None or rate.reset is None:
            return
        self.left = max(0.0, rate.remaining - under_way)
        self._whole = now + max(0.0, rate.reset)

    def ready(self, now: float) -> float:
        if self.left is not None and now >= self._whole - _CLOSE:
            self.left = None
        return self._whole if self.left is not None and self.left < 1 else 0.0

    def take(self, cost: float) -> None:
        if self.left is not None:
            self.left -= cost


class Quota:
    """The rates of an endpoint in requests and in tokens. The flow sets some of them, and the server reports others.

    ``rpm`` and ``tpm`` are requests and tokens a minute; None if the flow sets no rate. ``told`` is the last report.
    ``under_way`` are the tokens of the requests in flight, by their estimates.
    """

    def __init__(self, rpm: float | None, tpm: float | None) -> None:
        self.rates: tuple[float | None, float | None] = rpm, tpm
        self._requests = None if rpm is None else CellRate(rpm)
        self._tokens = None if tpm is None else CellRate(tpm)
        self._told_requests = Told()
        self._told_tokens = Told()
        self._unset = rpm is None and tpm is None
        self.under_way = 0
        self.told = Rates()

    @property
    def free(self) -> bool:
        """True if no rate holds: neither of the flow nor of the server."""
        return self._unset and self._told_requests.left is None and self._told_tokens.left is None

    def ready(self, now: float) -> float:
        """Return the event loop's time at which the next request may be sent. A past time means at once."""
        if self.free:
            return 0.0
        ready = max(self._told_requests.ready(now), self._told_tokens.ready(now))
        if self._requests is not None:
            ready = max(ready, self._requests.ready(now))
        if self._tokens is not None:
            ready = max(ready, self._tokens.ready(now))
        return ready

    def tighten(self, rpm: float | None, tpm: float | None) -> None:
        """Keep to these rates from here on. They are at most those that hold already; None changes nothing."""
        self.rates = rpm or self.rates[0], tpm or self.rates[1]
        if rpm is not None:
            self._requests = CellRate(rpm) if self._requests is None else self._requests.slower(rpm)
        if tpm is not None:
            self._tokens = CellRate(tpm) if self._tokens is None else self._tokens.slower(tpm)
        self._unset = self._requests is None and self._tokens is None

    def counted(self, now: float) -> tuple[float, float]:
        """Return the seconds until all that was sent would have been sent evenly: requests and tokens."""
        requests, tokens = self._requests, self._tokens
        return 0.0 if requests is None else requests.counted(now), 0.0 if tokens is None else tokens.counted(now)

    def defer(self, now: float, seconds: Sequence[float]) -> None:
        """Count what others have sent: the seconds until all of it would have been sent evenly."""
        for rate, more in zip((self._requests, self._tokens), seconds, strict=True):
            if rate is not None:
                rate.defer(now + more)

    def take(self, now: float, tokens: int) -> None:
        """Count a request that is sent, with an estimate of its tokens."""
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, tokens)
        if self._told_requests.left is not None:
            self._told_requests.take(1)
        if self._told_tokens.left is not None:
            self._told_tokens.take(tokens)
        self.under_way += tokens

    def settle(self, tokens: int, used: int | None) -> None:
        """Count a request that is over. ``tokens`` was the estimate, ``used`` is the real number, None if unknown."""
        self.under_way -= tokens
        if used is not None and self._tokens is not None:
            self._tokens.correct(used - tokens)

    def room(self, rates: Rates, under_way: int) -> float:
        """Return how many more requests a report allows at once, ``under_way`` of them being in flight.

        Tokens are counted by the mean estimate of these. 0 if the report tells nothing.
        """
        requests, tokens = rates.requests.remaining, rates.tokens.remaining
        each = self.under_way / under_way if under_way else 0.0
        rooms = [] if requests is None else [float(requests)]
        if tokens is not None and each:
            rooms.append(max(0.0, tokens - self.under_way) / each)
        return min(rooms, default=0.0)

    def learn(self, rates: Rates, now: float, requests: int) -> None:
        """Take a report of the server. It may not include the last ``requests`` requests, nor the tokens under way."""
        self.told = rates
        self._told_requests.learn(rates.requests, now, requests)
        self._told_tokens.learn(rates.tokens, now, self.under_way)
