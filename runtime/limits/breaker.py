"""The breaker of an endpoint. While a server serves nobody, it allows only single probes until one succeeds."""

from __future__ import annotations

from collections.abc import Hashable

from .verdict import Verdict

FAILURES = 5
"""Failures in a row, without an answer between, after which only probes are sent. They are of at least two calls."""
ALONE = 2
"""Refusals in a row of the only request in flight that have the same effect: fewer requests at once would not help."""
COOLING = 5.0
"""The seconds from one probe to the next."""
SOONER = 0.2
"""The part of the cooling seconds after which the first probe goes."""
LATER = 13.0
"""The most by which the cooling seconds are multiplied. They double after each 429, to more than a minute, for servers
count by the minute."""
NEVER = 30.0
"""The seconds after which a server is hopeless that has sent nothing at all, not even an error."""


class Breaker:
    """The breaker of an endpoint. It is open while the server serves nobody.

    ``since`` is the event loop's time of the first failure or refusal since the last answer, None without one.
    ``known`` is True if the server has answered at least once, ``refused`` if it ever got more requests than it takes.
    ``cooling`` are the seconds between probes.
    """

    def __init__(self, cooling: float = COOLING) -> None:
        self.cooling = cooling
        self.known = False
        self.refused = False
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
        """True if the outage is certain. So many different calls have failed that their prompts cannot be the cause."""
        return self.open and (len(self._row) >= FAILURES or self._alone >= ALONE)

    def hopeless(self, now: float, patience: float) -> bool:
        """Tell whether waiting requests may give up, because the outage has lasted for ``patience`` seconds.

        For a server that has never answered, a shorter time is enough.
        """
        if self.since is None or not self.open or self._probes < ALONE:
            return False
        return now - self.since >= (patience if self._spoke else min(patience, NEVER))

    def ready(self) -> float:
        """Return the event loop's time at which a request may be sent; infinity while a probe is under way."""
        if self._until is None:
            return 0.0
        return float("inf") if self._probing else self._until

    def take(self) -> bool:
        """Record that a request is sent. Return True if it is a probe."""
        self._probing = self.open
        return self._probing

    def bad(self, now: float, verdict: Verdict, probe: bool, who: Hashable, alone: bool) -> None:
        """Record that a request of the call ``who`` failed or was refused.

        ``alone`` says that nothing else was in flight.
        """
        self.since = now if self.since is None else self.since
        self._spoke |= verdict is not Verdict.LOST
        self.refused |= verdict in (Verdict.REFUSED, Verdict.OVERLOADED)
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
        """Record that a request was served. Return True if this closes the open breaker.

        Only a probe closes it. A request that was sent before the breaker opened tells nothing about the server since
        then.
        """
        self.known = self._spoke = True
        if self.since is None or (self.open and not probe):
            return False
        was = self.open
        self._row.clear()
        self.since, self._until = None, None
        self._failures = self._alone = self._probes = 0
        self._probing = False
        return was

    def take_over(self, since: float, until: float) -> None:
        """Take over the probes of another process. The outage began at ``since``; the next probe goes at ``until``."""
        self.since, self._until = since, until
        self._probes = self._alone = ALONE
        self._probing = False

    def given_up(self, probe: bool) -> None:
        """Record that a request ended and tells nothing about the server."""
        if probe:
            self._probing = False
