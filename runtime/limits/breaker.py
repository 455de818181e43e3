"""A server that fails every time is left alone for a while, and then asked once."""

from __future__ import annotations

FAILURES = 5
"""Failures in a row, with no answer between, after which nothing more is sent."""
COOLING = 0.5
"""Seconds until the first probe; twice as long after each that fails."""
COOLING_MOST = 30.0
HOPELESS = 6
"""Probes that failed one after another, after which what waits need not wait any longer."""


class Breaker:
    def __init__(self) -> None:
        self._failures = 0
        self._probes = 0
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        return self._until is not None

    @property
    def hopeless(self) -> bool:
        return self._probes >= HOPELESS

    def ready(self) -> float:
        """When a request may go, a time of the loop's; never while a probe is out."""
        if self._until is None:
            return 0.0
        return float("inf") if self._probing else self._until

    def take(self) -> bool:
        """A request leaves; whether it is the probe."""
        self._probing = self.open
        return self._probing

    def failed(self, now: float, probe: bool) -> None:
        self._failures += 1
        if probe:
            self._probing = False
            self._probes += 1
            self._open(now)
        elif not self.open and self._failures >= FAILURES:
            self._open(now)

    def alive(self) -> bool:
        """The server has said something; whether it was thought to be gone."""
        was = self.open
        self._failures = self._probes = 0
        self._until, self._probing = None, False
        return was

    def given_up(self, probe: bool) -> None:
        """A request ended that says nothing of the server."""
        if probe:
            self._probing = False

    def _open(self, now: float) -> None:
        self._until = now + min(COOLING_MOST, COOLING * 2.0**self._probes)
