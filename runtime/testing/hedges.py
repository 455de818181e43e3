"""The hedges of a test: which requests are slow enough to be sent a second time, in virtual time."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.limits.tail import Tail, tail_key


class Hedges:
    """The watcher of the calls whose asks have the option ``hedge``. ``send`` sends a call a second time."""

    def __init__(self, send: Callable[[Call], None]) -> None:
        self._send = send
        self._tails: dict[tuple[str, str, float], Tail] = {}
        self._calls: dict[int, Call] = {}
        self._twice: set[int] = set()

    def _tail(self, call: Call) -> Tail:
        quantile = call.policy.hedge
        assert quantile is not None
        return self._tails.setdefault(tail_key(call.model, call.path, quantile), Tail(quantile))

    def began(self, call: Call, now: float) -> None:
        self._calls[call.number] = call
        self._tail(call).began(call.number, now)

    def ended(self, call: Call, now: float, answered: float | None) -> None:
        """Record the end of a call. ``answered`` is the time of its answer, None if none came."""
        if self._calls.pop(call.number, None) is None:
            return
        tail = self._tail(call)
        self._twice.discard(call.number)
        tail.ended(call.number, None if answered is None else tail.out_for(call.number, now))

    def look(self, call: Call, now: float) -> float | None:
        """Send slow calls a second time. Return the time at which the next one will be slow."""
        tail = self._tail(call)
        slow, then = tail.slow(now, self._twice) if tail.allowed else ([], None)
        for number in slow:
            if not tail.allowed:
                return None
            tail.sent_twice += 1
            self._twice.add(number)
            self._send(self._calls[number])
        return then if tail.allowed else None
