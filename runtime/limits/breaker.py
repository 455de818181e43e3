"""A server that serves nobody is left alone, and asked now and then by one request, until it answers again."""

from __future__ import annotations

from collections.abc import Hashable

from .verdict import Verdict

FAILURES = 5
"""Failures in a row, with no answer between, after which nothing more is sent; of two different calls at the least."""
ALONE = 2
"""Refusals in a row of the only request in flight, with the same effect: fewer at once would not help."""
COOLING = 5.0
"""Seconds from one probe to the next."""
SOONER = 0.2
"""The part of them after which the first probe goes."""
LATER = 13.0
"""So many times as long it is at the most after 429, where it doubles: past the minute, for which servers count."""
NEVER = 30.0
"""Seconds after which there is no hope of a server that has sent nothing at all, not even an error."""


class Breaker:
    """``since`` is when the first request failed or was refused that no answer has followed, a time of the loop's.

    It is ``known`` that the server works when it has answered once. ``cooling`` are the seconds between probes.
    """

    def __init__(self, cooling: float = COOLING) -> None:
        self.cooling = cooling
        self.known = False
        self.since: float | None = None
        self._spoke = False
        self._failures = 0
        self._row: set[Hashable] = set()
        self._alone = 0
        self._probes = 0
        self._wait = cooling
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        return self._until is not None

    @property
    def certain(self) -> bool:
        """So many different calls have failed that it is not their prompts: a few of those are no outage."""
        return self.open and (len(self._row) >= FAILURES or self._alone >= ALONE)

    def hopeless(self, now: float, patience: float) -> bool:
        """Waiting requests need not wait any longer: ``patience`` are the seconds that it may."""
        if self.since is None or not self.open or self._probes < ALONE:
            return False
        return now - self.since >= (patience if self._spoke else min(patience, NEVER))

    def ready(self) -> float:
        """When a request may go, a time of the loop's; never while a probe is out."""
        if self._until is None:
            return 0.0
        return float("inf") if self._probing else self._until

    def take(self) -> bool:
        """A request leaves; whether it is the probe."""
        self._probing = self.open
        return self._probing

    def bad(self, now: float, verdict: Verdict, probe: bool, who: Hashable, alone: bool) -> None:
        """A request of the call ``who`` failed or was refused; ``alone`` if nothing else was in flight."""
        self.since = now if self.since is None else self.since
        self._spoke |= verdict is not Verdict.LOST
        if verdict is not Verdict.REFUSED and len(self._row) < FAILURES:
            self._row.add(who)
        if probe:
            self._probing = False
            self._probes += 1
            self._until = now + self._wait
            self._wait = min(2 * self._wait, LATER * self.cooling) if verdict is Verdict.REFUSED else self.cooling
            return
        if self.open:
            return
        self._failures += verdict is not Verdict.REFUSED
        self._alone += alone and verdict in (Verdict.REFUSED, Verdict.OVERLOADED)
        if (self._failures >= FAILURES and len(self._row) > 1) or self._alone >= ALONE:
            self._until, self._wait = now + SOONER * self.cooling, self.cooling

    def answered(self, probe: bool) -> bool:
        """A request was served; whether the server was thought to be gone, and is not.

        What left before that was found out says nothing of now.
        """
        self.known = self._spoke = True
        if self.open and not probe:
            return False
        was = self.open
        self._row.clear()
        self.since, self._until = None, None
        self._failures = self._alone = self._probes = 0
        self._probing = False
        return was

    def given_up(self, probe: bool) -> None:
        """A request ended that says nothing of the server."""
        if probe:
            self._probing = False
