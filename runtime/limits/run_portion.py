"""The part that one process has of limits that several runs share. The book of the runs (``RunBook``) tells it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from .lease_permits import Permits

Limits = tuple[float | None, float | None, float | None]
"""The `concurrency`, `rpm` and `tpm` that a flow sets."""
_FREE = 256.0
"""The most requests that a run without a book takes at once where the flow sets no `rpm`."""


@dataclass(eq=False, slots=True)
class _Last:
    """The last report: the places that it kept, and the number of the answer before it.

    ``peak`` is the most requests in flight since then, and ``slow`` the seconds of the slowest request so far.
    """

    has: int = 0
    turn: int = 0
    peak: int = 0
    slow: float = 0.0


class Portion:
    """The places, and the permits of the rates, that a run may use at an endpoint.

    ``places`` is infinite where the flow sets no `concurrency`. ``runs`` is the number of runs that share the limits,
    and ``most`` the highest such number so far. ``wanted`` says that other runs wait for the rates that this
    run keeps by itself, and ``ready`` is the loop's time of the next permit.
    """

    def __init__(self, limit: float | None, rates: tuple[float | None, float | None]) -> None:
        self.places: float = inf if limit is None else 0
        self.runs = self.most = 1
        self.ready = 0.0
        self.wanted = False
        self._limits: Limits = limit, *rates
        self.permits = Permits(self._metered)
        self._head = 0.0
        self._own = 0.0
        self._given = [0, 0.0]
        self._last = _Last()

    @property
    def _metered(self) -> list[bool]:
        return [one is not None for one in self._limits[1:]]

    @property
    def sharers(self) -> int:
        """The number of runs that share the places; 0 if this run has all of them."""
        most = self._limits[0]
        return self.runs if most is not None and self.places < most else 0

    @property
    def lacking(self) -> bool:
        """True if the next request has no permit."""
        return self.permits.lack(self._head)

    def admits(self, active: int, tokens: float) -> bool:
        """Tell whether a request of so many tokens may be sent beside those in flight."""
        self._head = tokens
        return active < self.places and not self.permits.lack(tokens)

    def use(self, active: int, tokens: float, now: float) -> None:
        """Count a request that is sent. ``active`` includes it."""
        self._last.peak = max(self._last.peak, active)
        self._head = 0
        self.permits.use(tokens, now)

    def issue(self, tokens: float) -> None:
        """Hand a permit on to another process of the run, which uses it later."""
        self._head = 0
        if any(self.permits.needed):
            self.permits.left -= 1
            self.permits.tokens -= tokens

    def spent(self, amounts: Sequence[float], now: float) -> None:
        """Count permits that another process of the run has used."""
        if any(self.permits.needed):
            self.permits.used[0] += amounts[0]
            self.permits.used[1] += amounts[1]
            self.permits.fresh = now

    def returned(self, amounts: Sequence[float]) -> None:
        """Take back permits that another process of the run does not use."""
        if any(self.permits.needed):
            self.permits.left += int(amounts[0])
            self.permits.tokens += amounts[1]

    def ended(self, seconds: float, more: float) -> None:
        """Count the end of a request, with the tokens by which its estimate was too low."""
        self._last.slow = max(self._last.slow, seconds)
        if self.permits.needed[1]:
            self.permits.more += more

    def need(self, active: int, waiting: bool, limit: int | None) -> int:
        """Return the places that could be used. How many requests wait is not known."""
        most = max(self._last.peak, active)
        return most if limit is None or not (waiting and most >= self.places) else limit

    def report(self, want: int, active: int, waiting: int, limits: Limits, now: float) -> dict[str, Any]:
        """Make the report of a turn: the need, and the account since the last turn.

        ``waiting`` requests wait for a permit, as far as is known.
        """
        self._last.peak = active
        self._limits = limits
        self._last.has = has = active if self.places == inf else int(max(self.places, active))
        report: dict[str, Any] = {"want": want, "has": has, "turn": self._last.turn, "slow": self._last.slow}
        report |= zip(("limit", "rpm", "tpm"), limits, strict=True)
        if any(self._metered):
            permits = self.permits
            report |= {"seen": [*self._given], "age": max(0.0, now - permits.fresh)}
            if any(permits.needed):
                recent = int(permits.used[0])
                report |= permits.ask(2 * recent + waiting, self._head, 0, 1 << 30, now)
                report["ask"] = permits.asked[:3]
            if self.wanted:
                report["gives"] = True
        return report

    def unbind(self) -> None:
        """Take the whole of the limits, because nobody can tell of other runs."""
        self.places = inf
        self.permits.needed = [False, False]

    def by_itself(self, seconds: float, now: float) -> None:
        """Take an even part of the rates for so many seconds, while nobody can tell the book of them."""
        if any(self.permits.needed):
            requests, tokens = (None if one is None else one * seconds / 60 / self.runs for one in self._limits[1:])
            self._own = min(self._own + (_FREE if requests is None else requests), _FREE)
            whole = int(self._own)
            self._own -= whole
            self.permits.grant(whole, tokens or 0.0, now)

    def owes(self, taken: int) -> bool:
        """Tell whether places can be given back that others were promised. ``taken`` are those in use."""
        return self._last.has > self.places and taken < self._last.has

    def undo(self, report: dict[str, Any]) -> None:
        """Take back a report that did not arrive."""
        permits = self.permits
        for own, name in ((permits.used, "used"), (permits.back, "back")):
            for at, amount in enumerate(report.get(name, ())):
                own[at] += amount
        permits.more += report.get("more", 0.0)

    def take(self, answer: dict[str, Json], now: float) -> None:
        """Take the answer of the book; an empty one changes nothing."""
        if not answer:
            return
        self.runs = answer["runs"]
        self.most = max(self.most, self.runs)
        if "places" in answer:
            self.places, self._last.turn = answer["places"], answer["turn"]
        if "whole" not in answer:
            return
        permits = self.permits
        whole = answer["whole"]
        # A run that gives the rates back sends nothing until the book has taken them.
        self.wanted = whole and answer["wanted"]
        if whole and not self.wanted:
            permits.left, permits.tokens = 0, 0.0
            permits.needed = [False, False]
            return
        permits.needed = self._metered
        if not whole:
            requests, tokens = answer["given"]
            permits.grant(requests, tokens, now)
            self._given = [self._given[0] + requests, self._given[1] + tokens]
            self.ready = inf if answer["ready"] is None else now + answer["ready"]
