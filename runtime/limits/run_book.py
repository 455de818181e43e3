"""The book of one endpoint whose declared limits several runs share. It is pure: each turn is told the time.

A run takes a turn every half second, and at once when it needs more. In a turn it reports what it wants, uses and has
used, and is told its share. The book is JSON between two turns, so that it can lie in a file or in a database. Places
follow the rules of ``Shares``, and rates those of ``SharedRate``: what a run was given counts as taken until this run
has said that it uses it no more. A run that nobody else disturbs has the whole limit, and needs no permits.

The fields of a report: ``limit``, ``rpm``, ``tpm`` (the limits that the run declares), ``want`` (places that it could
use), ``has`` (places that it keeps), ``turn`` (the number of the last share that it took), ``slow`` (the seconds of its
slowest request), ``ask`` (permits: their number, the tokens of the first, the tokens of the others), ``seen`` (permits
and tokens that it was given so far), ``used`` and ``back`` (permits and tokens), ``age`` (the seconds since the last
use), ``more`` (tokens by which its estimates were too low), ``next`` (the seconds until its own count of the rates is
empty), ``gives`` (it keeps the rates by itself no more, and sends nothing without a permit), ``new`` (its process has
just begun), ``number`` (by which others can ask whether it lives), ``dead`` (silent runs that live no more), ``leave``.

An answer has ``runs`` (the runs that share the limits), ``places`` and ``turn``, and ``silent`` if runs have missed a
turn (their numbers by their names). It has
``whole`` (the run keeps the rates by itself) with ``next`` and ``wanted`` (others wait for the rates), or else
``given`` (permits and tokens) and ``ready`` (the seconds until more can be given; None if only another run brings it).
"""

from __future__ import annotations

from math import inf
from typing import Any

from ..vocabulary.json_value import Json
from .lease_rate import SharedRate
from .lease_shares import LINGER, LONGER, Share, Shares
from .rate import BURST

SILENT = 10.0
"""The seconds after which a run that takes no turn counts as dead."""
TURN = 0.5
"""The seconds between two turns of a run, at the most."""
CALM = 2.0
"""The seconds after the last need of all other runs after which one run keeps the rates by itself again."""
SETTLING = 1.5
"""The seconds that all runs have to tell what they have, after the book has forgotten them."""
_MOST = 4096
"""The most permits that are handed out in one turn."""
_RUN: dict[str, Any] = {
    **dict.fromkeys(("limit", "rpm", "tpm", "ask", "asked", "number")),
    **dict.fromkeys(("want", "leased", "told", "turn", "since", "seen"), 0),
    **{name: [0, 0.0] for name in ("given", "open")},
}


class RunBook:
    """The shares of all runs in the limits of one endpoint.

    ``runs`` has what is known of each run, by its name. ``kept`` are the places of dead runs: the time of their return,
    their number and the run. ``owner`` is the run that keeps the rates by itself. ``clock`` is the time of the last
    turn: a clock that stands before it is that of another boot, and nothing holds any more. Until ``settled`` nothing
    is handed out, because runs may come that the book has forgotten.
    """

    def __init__(self, state: Json = None) -> None:
        self._load(state if isinstance(state, dict) else {})

    def _load(self, known: dict[str, Any]) -> None:
        self.runs: dict[str, dict[str, Any]] = known.get("runs", {})
        self.kept: list[tuple[float, int, str]] = [(one[0], one[1], one[2]) for one in known.get("kept", ())]
        self.owner: str | None = known.get("owner")
        self.slowest: float = known.get("slowest", 0.0)
        self.clock: float = known.get("clock", 0.0)
        self.settled: float = known.get("settled", 0.0)
        self._next: list[float] = known.get("next", [0.0, 0.0])
        self._count(known.get("order", ()))

    def json(self) -> Json:
        """Return the state of the book. None if it holds nothing that counts."""
        if not self.runs and not self.kept and all(rate.next <= self.clock for rate in self._rates):
            return None
        for name, one in self.runs.items():
            one["open"] = [rate.open.get(name, 0) for rate in self._rates]
        return {
            "runs": self.runs,
            "kept": [[*one] for one in self.kept],
            "owner": self.owner,
            "slowest": self.slowest,
            "clock": self.clock,
            "settled": self.settled,
            "next": [max(0.0, rate.next) for rate in self._rates],
            "order": [*self._order],
        }

    def turn(self, run: str, report: dict[str, Any], now: float) -> dict[str, Any]:
        """Take the report of a run, and tell it its share."""
        if now < self.clock - SILENT:
            self._load({})
        self.clock = now = max(now, self.clock)
        if run in self.runs and now - self.runs[run]["seen"] > 2 * TURN:
            # This run was silent, too: the table was away or the machine stood still, and the others may come back.
            for one in self.runs.values():
                one["seen"] = max(one["seen"], now - SILENT + SETTLING)
        silent = {name: now - one["seen"] for name, one in self.runs.items() if now - one["seen"] > 2 * TURN}
        silent.pop(run, None)
        for name, seconds in silent.items():
            if seconds > SILENT or name in report.get("dead", ()):
                self.gone(name, now)
        self.kept = [one for one in self.kept if one[0] > now]
        if report.get("leave"):
            self._leave(run, report, now)
            return {}
        self._take(run, report, now)
        answer: dict[str, Any] = {"runs": len(self.runs)}
        answer |= self._share(run, report, now)
        answer |= self._permits(run, report, now)
        if left := {name: self.runs[name]["number"] for name in silent if name in self.runs}:
            answer["silent"] = {name: number for name, number in left.items() if number is not None}
        return answer

    def gone(self, run: str, now: float) -> None:
        """Count what a dead run had at the worst."""
        known = self.runs.pop(run)
        last = known["seen"] + TURN
        until = last + (LONGER * self.slowest + 1 if self.slowest else LINGER)
        if known["leased"] and until > now:
            self.kept.append((until, known["leased"], run))
        self._unknown(run, now)
        self._order.pop(run, None)

    def _count(self, order: Any) -> None:
        """Set up the rates: the strictest that a run declares."""
        self._rates = [SharedRate(self._least("rpm")), SharedRate(self._least("tpm"))]
        self._order: dict[str, None] = dict.fromkeys(order)
        for at, rate in enumerate(self._rates):
            rate.go_on(self._next[at], {name: one["open"][at] for name, one in self.runs.items()})

    def _least(self, name: str) -> Any:
        return min((one[name] for one in self.runs.values() if one[name] is not None), default=None)

    def _unknown(self, run: str, now: float) -> None:
        """Count the permits of a run that has ended as used. What it sent since its last turn is not known."""
        for at, rate in enumerate(self._rates):
            rate.gone(run, now)
            if self.owner == run:
                each = 60.0 / rate.per_minute if rate.per_minute else 0.0
                rate.go_on(max(rate.next, now + max(BURST, each)), {})
            self._next[at] = rate.next
        if self.owner == run:
            self.owner = None

    def _leave(self, run: str, report: dict[str, Any], now: float) -> None:
        if run not in self.runs:
            return
        self._used(run, report, now)
        if self.owner == run:
            self._release(report, now)
        self.kept = [one for one in self.kept if one[2] != run]
        self._unknown(run, now)
        del self.runs[run]
        self._order.pop(run, None)

    def _take(self, run: str, report: dict[str, Any], now: float) -> None:
        """Take the limits and the need of a run."""
        known = self.runs.get(run)
        if known is None:
            known = self.runs[run] = {name: [*one] if isinstance(one, list) else one for name, one in _RUN.items()}
            # It was taken for dead, or goes on after its end: it has what is kept for it.
            kept = sum(places for _, places, name in self.kept if name == run)
            known["leased"] = known["told"] = max(kept, report.get("has", 0))
            self.kept = [one for one in self.kept if one[2] != run]
            if not report.get("new"):
                self.settled = now + SETTLING
            known["since"] = now
            known["turn"] = report.get("turn", 0)
            known["given"] = [*report.get("seen", (0, 0.0))]
        elif report.get("new"):
            self._unknown(run, now)
            known |= {"ask": None, "asked": None, "given": [0, 0.0], "open": [0, 0.0]}
        limits = {name: report.get(name) for name in ("limit", "rpm", "tpm")}
        fresh = any(known[name] != one for name, one in limits.items())
        known |= {**limits, "seen": now, "number": report.get("number", known["number"])}
        self.slowest = max(self.slowest, report.get("slow", 0.0))
        if fresh or self._rates[0].per_minute != self._least("rpm") or self._rates[1].per_minute != self._least("tpm"):
            opened = [{**rate.open} for rate in self._rates]
            self._next = [rate.next for rate in self._rates]
            self._count(self._order)
            for rate, open_ in zip(self._rates, opened, strict=True):
                rate.go_on(rate.next, open_)

    def _share(self, run: str, report: dict[str, Any], now: float) -> dict[str, Any]:
        """Share out the places of the runs that declare their number."""
        if report.get("limit") is None:
            return {}
        sharing = {name: one for name, one in self.runs.items() if one["limit"] is not None}
        limit = min(one["limit"] for one in sharing.values())
        shares = Shares(limit)
        shares.kept = [(until, places) for until, places, _ in self.kept]
        for name, one in sharing.items():
            shares.of[name] = Share(one["want"], one["leased"], one["told"], one["turn"], one["since"])
        want = limit if len(sharing) == 1 else min(report["want"], limit)
        share = shares.of[run]
        if report.get("new"):
            # The server may still work for its earlier process.
            want = max(want, share.leased)
        shares.report(run, want, share.leased if report.get("new") else report["has"], report.get("turn", 0), now)
        if now >= self.settled:
            shares.deal(now)
        for holder, found in shares.of.items():
            sharing[str(holder)] |= {one: getattr(found, one) for one in ("want", "leased", "told", "turn", "since")}
        return {"places": share.told, "turn": share.turn}

    def _permits(self, run: str, report: dict[str, Any], now: float) -> dict[str, Any]:
        """Hand out permits, or leave the rates to a run that nobody disturbs."""
        known = self.runs[run]
        if known["rpm"] is None and known["tpm"] is None:
            return {}
        self._used(run, report, now)
        if self.owner == run and report.get("gives"):
            self._release(report, now)
        if self.owner is None and now >= self.settled and not report.get("gives") and not self._disturbed(run, now):
            # Its permits go back: it counts by itself from here on.
            for rate in self._rates:
                rate.returned(run, rate.open.get(run, 0))
            known["given"] = [*report.get("seen", (0, 0.0))]
            self.owner = run
            self._order.pop(run, None)
            known["ask"] = None
        if self.owner == run:
            left = [max(0.0, rate.next - now) for rate in self._rates]
            return {"whole": True, "next": left, "wanted": self._disturbed(run, now)}
        self._asked(run, report, now)
        self._issue(now)
        seen = report.get("seen", (0, 0.0))
        given = [known["given"][at] - seen[at] for at in (0, 1)]
        ready = max(rate.ready(now) for rate in self._rates) - now if self.owner is None else inf
        return {"whole": False, "given": given, "ready": None if ready == inf else max(0.0, ready)}

    def _disturbed(self, run: str, now: float) -> bool:
        """Tell whether another run needs the rates, or has needed them a moment ago."""
        return any(
            one["ask"] or (one["asked"] is not None and now - one["asked"] < CALM) or any(self._open(name))
            for name, one in self.runs.items()
            if name != run
        )

    def _open(self, run: str) -> list[float]:
        return [rate.open.get(run, 0) for rate in self._rates]

    def _release(self, report: dict[str, Any], now: float) -> None:
        """Take the rates back from the run that kept them."""
        self.owner = None
        for rate, left in zip(self._rates, report.get("next", (BURST, BURST)), strict=True):
            rate.go_on(max(rate.next, now + left), rate.open)

    def _used(self, run: str, report: dict[str, Any], now: float) -> None:
        """Count the permits that a run has used or returns."""
        then = now - report.get("age", 0.0)
        for at, rate in enumerate(self._rates):
            if used := report.get("used", (0, 0.0))[at]:
                rate.used(run, used, then)
            if back := report.get("back", (0, 0.0))[at]:
                rate.returned(run, back)
        self._rates[1].correct(report.get("more", 0.0))

    def _asked(self, run: str, report: dict[str, Any], now: float) -> None:
        known = self.runs[run]
        count, first, each = report.get("ask") or (0, 0.0, 0.0)
        count -= known["given"][0] - report.get("seen", (0, 0.0))[0]
        known["ask"] = [count, first, each] if count > 0 else None
        if count > 0 or any(report.get("used", ())):
            known["asked"] = now
        if count > 0:
            self._order.setdefault(run)
        else:
            self._order.pop(run, None)

    def _issue(self, now: float) -> None:
        """Hand out permits to the runs in turn, one after another, as long as the rates allow it."""
        for _ in range(0 if self.owner or now < self.settled else _MOST):
            if not self._order or max(rate.ready(now) for rate in self._rates) > now + 1e-9:
                return
            run = next(iter(self._order))
            del self._order[run]
            known = self.runs[run]
            count, first, each = known["ask"]
            for rate, amount in zip(self._rates, (1, first), strict=True):
                rate.issue(run, amount)
            known["given"] = [known["given"][0] + 1, known["given"][1] + first]
            known["ask"] = [count - 1, each, each] if count > 1 else None
            if count > 1:
                self._order[run] = None
