"""The reports of one holder of a lease on an endpoint. Many changes share a report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

from ..vocabulary.json_value import Json

GAP = 0.005
"""The least seconds between two reports."""
SLACK = 0.05
"""The seconds after which a report tells that fewer places are needed."""


class Reports:
    """The reports that a limiter sends. ``make`` is called when one is due, and calls ``send`` with what has changed.

    ``news`` goes with the next report. ``turn`` is the number of the last message about places. ``backlogs`` return the
    requests that wait in queues, ``peak`` is the most requests that were in flight or waited since the last report,
    and ``slow`` the seconds of the slowest of them. ``closed`` says that the limiter is closed.
    """

    def __init__(self, send: Callable[[dict[str, Json]], None], make: Callable[[], None]) -> None:
        self.news: dict[str, Json] = {}
        self.turn = 0
        self.backlogs: list[Callable[[], int]] = []
        self.peak = 0
        self.slow = 0.0
        self.closed = False
        self._send = send
        self._make = make
        self._told: dict[str, Json] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._patience = 0.0
        self._last = -inf

    def tell(self, name: str, value: Json) -> None:
        """Report one thing at once."""
        self.news[name] = value
        self.soon(0.0)

    def soon(self, seconds: float) -> None:
        """Report in at most so many seconds."""
        if self._timer is not None and self._patience <= seconds:
            # Time goes on, so the earlier call has set the earlier time.
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds if seconds <= GAP else max(loop.time(), self._last) + seconds
        if self._timer is None or at < self._timer.when() - 1e-9:
            self.cancel()
            self._timer, self._patience = loop.call_at(at, self.now), seconds

    @property
    def first(self) -> bool:
        """True if nothing was reported yet."""
        return self._last == -inf

    def wanting(self) -> None:
        """Report that a request got no place. The first report of all comes at the end of this turn of the loop."""
        self.soon(0.0 if self.first else GAP)

    def now(self) -> None:
        self.cancel()
        self._make()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def state(self, active: int, waiting: int, has: int, most: int) -> int:
        """Add the need of places, if it has changed. Return it: it is the most since the last report.

        The book need not hear of more than ``most``, the places that there are.
        """
        need = active + waiting
        want, self.peak = max(self.peak, need), need
        state: dict[str, Json] = {"want": min(want, most), "has": has, "turn": self.turn}
        if state != self._told:
            self._told = state
            self.news |= state
        return want

    def send(self, active: int, under: int) -> None:
        """Send the news, if there are any, with the requests and tokens in flight."""
        if not self.news:
            return
        report, self.news = self.news, {}
        report["active"], report["under"] = active, under
        if self.slow:
            report["slow"], self.slow = self.slow, 0.0
        self._last = asyncio.get_running_loop().time()
        self._send(report)
