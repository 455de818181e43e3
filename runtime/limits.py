"""How many requests one endpoint has in flight, for a driver that makes no task for a call that must wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Limiter:
    """A bounded number of places, and pauses that close all of them at once.

    A driver takes a place with ``try_acquire`` before it starts a call, and gives it back with ``release`` when the
    call is over, however it ended. When it gets no place it leaves a callback with ``on_ready``, which is called once,
    when there is a place again; whoever asked first is called first. Each failure that the server meant as "not now"
    goes to ``pause``, with 0 where it named no time: that is how the limiter learns of it. Belongs to one event loop.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a limit is at least 1")
        self.limit = limit
        self.active = 0
        self._open_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[Callable[[], None], None] = {}
        self._calling = False

    @property
    def paused(self) -> bool:
        return self._open_at is not None

    def try_acquire(self) -> bool:
        """Take a place if there is one."""
        if self.active >= self.limit or self._open_at is not None:
            return False
        self.active += 1
        return True

    def release(self) -> None:
        """Give a place back."""
        if self.active == 0:
            raise RuntimeError("a place was given back that nobody had taken")
        self.active -= 1
        self._call_waiting()

    def pause(self, seconds: float) -> None:
        """Give out no place for so many seconds. A pause never shortens one that is already running."""
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if self._open_at is not None and until <= self._open_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._open_at = until
        self._timer = loop.call_at(until, self._open)

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when a place is free; asking again before that changes nothing."""
        self._waiting.setdefault(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """Take back an ``on_ready``."""
        self._waiting.pop(callback, None)

    def _open(self) -> None:
        self._open_at = self._timer = None
        self._call_waiting()

    def _call_waiting(self) -> None:
        # A callback may take places, give some back or ask to be called again: this one loop serves all of that, and
        # ends when a round brought nothing, lest a driver that asks without taking hold it up.
        if self._calling:
            return
        self._calling = True
        try:
            idle = 0
            while self._waiting and idle <= len(self._waiting) and self.active < self.limit and not self.paused:
                before = self.active
                callback = next(iter(self._waiting))
                del self._waiting[callback]
                callback()
                idle = idle + 1 if self.active == before else 0
        finally:
            self._calling = False
