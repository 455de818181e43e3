"""The users of a limiter that wait for a place. Each has left a callback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

CLOSE = 1e-6
"""The seconds by which a timer may be early: clocks are not exact."""


class Waiters:
    """The callbacks that wait, first come first served. They belong to one event loop.

    ``opening`` returns the loop's time from which a place is free; infinity as long as only the end of a request frees
    one. ``taken`` returns the number of places in use.
    """

    def __init__(self, opening: Callable[[float], float], taken: Callable[[], int]) -> None:
        self._opening = opening
        self._taken = taken
        self._callbacks: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._calling = False

    def add(self, callback: Callable[[], None], *, full: bool = False) -> None:
        """Call ``callback`` once when a place is free. A second request before that changes nothing.

        ``full`` says that only the end of a request frees a place. Then no timer is needed.
        """
        self._callbacks.setdefault(callback)
        if self._calling:
            return
        if not full:
            self._arm(soon=True)
        elif self._timer is not None:
            self._stop()

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def forget(self, callback: Callable[[], None]) -> None:
        self._callbacks.pop(callback, None)

    def none_but(self, callback: Callable[[], None]) -> bool:
        """Tell whether no callback other than this one waits."""
        return not self._callbacks or (len(self._callbacks) == 1 and callback in self._callbacks)

    def forget_alone(self, callback: Callable[[], None]) -> None:
        """Drop a callback if no other one waits."""
        if len(self._callbacks) == 1:
            self._callbacks.pop(callback, None)

    def close(self) -> None:
        """Drop all callbacks and the timer."""
        self._callbacks.clear()
        self._stop()

    def call(self) -> None:
        """Call as many callbacks as there are free places, and set the timer for the others."""
        # A callback may take places, give some back or ask to be called again: this one loop serves all of that. It
        # ends when a round took no place, so that a driver that asks without taking cannot hold it up.
        if not self._callbacks or self._calling:
            return
        self._calling = True
        try:
            idle, free = 0, True
            while self._callbacks and idle <= len(self._callbacks) and (free := self._free()):
                before = self._taken()
                callback = next(iter(self._callbacks))
                del self._callbacks[callback]
                callback()
                idle = idle + 1 if self._taken() == before else 0
        finally:
            self._calling = False
        self._arm(soon=not free)

    def _free(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._opening(now) <= now + CLOSE

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, *, soon: bool) -> None:
        """Set the timer for callbacks that wait for a point in time, and not for another request to end.

        Time passes after a caller found no free place. If the point in time is over by then, the callbacks are called
        as soon as possible, with ``soon``. Otherwise nobody might ever call them. Without ``soon``, the callbacks were
        called just before and took no place; they are called when the next request ends.
        """
        if self._timer is not None:
            self._stop()
        if not self._callbacks:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        opening = self._opening(now)
        if soon or now + CLOSE < opening:
            self._timer = loop.call_at(max(now, opening), self._rung) if opening < inf else None

    def _rung(self) -> None:
        self._timer = None
        self.call()
