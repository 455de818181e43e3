"""The book of one endpoint whose limits several processes share. It is pure: each method is told the time.

Reports of holders come in, as JSON; messages to holders go out. A report is a dict with some of these fields:
``want`` (places that it could use), ``has`` (places that it keeps) and ``turn`` (the number of the last message about
places that it took), ``active`` and ``under`` (its requests and tokens in flight), ``slow`` (the seconds of its
slowest request), ``ask`` (permits that it needs: their number, the tokens of the first, the tokens of the others, the
permits that it was given so far), ``used`` and ``back`` (permits that it used or returns: requests, tokens), ``more``
(tokens by which its estimates were too low), ``rates`` (the server's report), ``pause`` (seconds), ``outage`` (the
server serves nobody, or serves again), ``closed`` (errors after which no request can succeed), ``limit`` (the
provider's number).

A message has some of these: ``places`` and ``turn``, ``given`` (permits: requests, tokens), ``metered`` (whether
requests and tokens need permits), ``pause``, ``barred`` (another holder probes the server), ``probe`` (this one shall),
``closed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from math import inf
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.usage import Rate
from .lease_rate import SharedRate
from .lease_shares import LINGER, LONGER, Shares

if TYPE_CHECKING:
    from .run_portion import Limits, Portion

Messages = dict[int, dict[str, Json]]
"""The messages to holders, by holder."""

_MOST = 4096
"""The most permits that are handed out in one turn."""


@dataclass(eq=False, slots=True)
class _Ask:
    """The permits that a holder waits for. ``first`` and ``each`` are the tokens of the first and of each other."""

    count: int
    first: float
    each: float


@dataclass(eq=False, slots=True)
class _Holder:
    """The last report of a holder, and the permits that it was given in all."""

    active: int = 0
    under: float = 0.0
    given: int = 0
    want: int = 0


@dataclass(eq=False, slots=True)
class _Outage:
    """The outage of a server: the holder that probes it, and the time of its beginning. No holder: all may send."""

    prober: int | None = None
    since: float = 0.0
    barred: set[int] = field(default_factory=set)


class EndpointBook:
    """The shares of all holders in one endpoint.

    ``limit`` is the most requests in flight, None if each holder learns what the server takes. ``rpm`` and ``tpm`` are
    requests and tokens a minute. ``portion`` is the part of them that this run has, if it shares them with other runs.
    """

    def __init__(self, limit: int | None, rpm: float | None = None, tpm: float | None = None) -> None:
        self.shares = Shares(inf if limit is None else limit)
        self.requests = SharedRate(rpm)
        self.tokens = SharedRate(tpm)
        self.limits: Limits = limit, rpm, tpm
        self.portion: Portion | None = None
        self.slowest = 0.0
        self.closed: list[Json] = []
        self._holders: dict[int, _Holder] = {}
        self._asks: dict[int, _Ask] = {}
        self._paused_until = 0.0
        self._outage = _Outage()
        self._terms: dict[str, Json] = {"metered": self._meters, "shared": 0}

    @property
    def _meters(self) -> list[bool]:
        return [self.requests.metered, self.tokens.metered]

    @property
    def _sharers(self) -> int:
        return 0 if self.portion is None else self.portion.sharers

    def join(self, holder: int, now: float) -> Messages:
        """Take in a holder. The message tells it what holds at the moment."""
        self._holders.setdefault(holder, _Holder())
        news: dict[str, Json] = {"metered": self._meters, **({"shared": self._sharers} if self._sharers else {})}
        if self._paused_until > now:
            news["pause"] = self._paused_until - now
        if self._outage.prober not in (None, holder):
            self._outage.barred.add(holder)
            news["barred"] = True
        if self.closed:
            news["closed"] = list(self.closed)
        return {holder: news}

    def report(self, holder: int, report: dict[str, Json], now: float) -> Messages:
        """Take the report of a holder. Return the messages that follow from it."""
        if holder not in self._holders:
            return {}
        known = self._holders[holder]
        out: Messages = {}
        if "limit" in report:
            self.shares.limit = report["limit"]
        if "want" in report:
            known.want = report["want"]
            self.shares.report(holder, known.want, report["has"], report["turn"], now)
        known.active = report.get("active", known.active)
        known.under = report.get("under", known.under)
        self.slowest = max(self.slowest, report.get("slow", 0.0))
        self._count(holder, report, now)
        if (pause := report.get("pause")) is not None:
            self._paused_until = max(self._paused_until, now + pause)
            self._tell_others(out, holder, "pause", pause)
        if errors := report.get("closed"):
            self.closed += [one for one in errors if one not in self.closed]
            self._tell_others(out, holder, "closed", errors)
        if (outage := report.get("outage")) is not None:
            self._turn(out, holder, begun=outage, now=now)
        elif (prober := self._outage.prober) is not None and not self._holders[prober].want:
            self._pass_on(out, now)
        return self.serve(now, out)

    def gone(self, holder: int, now: float) -> Messages:
        """Take the news that a holder has died: count what it had at the worst.

        Its permits count as used. The server may still be working for it, because many servers see only at the end of
        their work that nobody reads the answer. So its places come back after the time of the slowest request so far.
        """
        out: Messages = {}
        self._holders.pop(holder, None)
        self._asks.pop(holder, None)
        if self.portion is not None:
            self.portion.spent([rate.open.get(holder, 0) for rate in (self.requests, self.tokens)], now)
        self.requests.gone(holder, now)
        self.tokens.gone(holder, now)
        self.shares.gone(holder, now + (LONGER * self.slowest + 1 if self.slowest else LINGER))
        self._outage.barred.discard(holder)
        if self._outage.prober == holder:
            self._pass_on(out, now)
        return self.serve(now, out)

    def need(self, now: float) -> dict[str, Any]:
        """Report the need of all holders to the book of the runs that share these limits."""
        assert self.portion is not None
        waiting = sum(one.count for one in self._asks.values())
        want = sum(one.want for one in self.shares.of.values())
        report = self.portion.report(want, self.taken, waiting, self.limits, now)
        return report | {"next": [rate.counted(now) for rate in (self.requests, self.tokens)]}

    @property
    def taken(self) -> int:
        """The places that holders have, or that are kept for dead ones."""
        return sum(one.leased for one in self.shares.of.values()) + sum(places for _, places in self.shares.kept)

    @property
    def pressed(self) -> bool:
        """True if a holder waits for a larger part of the limits."""
        portion, shares = self.portion, self.shares
        if portion is None:
            return False
        wanted = sum(one.want for one in shares.of.values())
        return portion.lacking or portion.places < min(wanted, self.limits[0] or inf)

    def share(self, answer: dict[str, Any], now: float) -> Messages:
        """Take the part that this run has of its limits from here on."""
        assert self.portion is not None
        self.portion.take(answer, now)
        self.bind()
        for rate, left in zip((self.requests, self.tokens), answer.get("next", ()), strict=False):
            rate.go_on(max(rate.next, now + left), rate.open)
        return self.serve(now)

    def bind(self) -> None:
        """Let the holders have the places that this run has."""
        if self.portion is not None and self.limits[0] is not None:
            self.shares.limit = min(self.portion.places, self.limits[0])

    def due(self, now: float) -> float:
        """Return the time, perhaps past, of the next ``serve`` with an effect; infinity if only a report brings one."""
        due = self.shares.due(now)
        if self._asks and not (self.portion is not None and self.portion.lacking):
            due = min(due, max(self.requests.ready(now), self.tokens.ready(now)))
        return due

    def serve(self, now: float, out: Messages | None = None) -> Messages:
        """Hand out places and permits. The messages are added to ``out``."""
        out = {} if out is None else out
        for holder in self.shares.deal(now):
            share = self.shares.of[holder]
            _to(out, holder).update(places=share.told, turn=share.turn)
        for name, value in (("metered", self._meters), ("shared", self._sharers)):
            if self._terms[name] != value:
                self._terms[name] = value
                self._tell_others(out, None, name, value)
        self._issue(out, now)
        return out

    def _count(self, holder: int, report: dict[str, Json], now: float) -> None:
        """Count the permits that a holder has used or returns, and those that it needs."""
        for rate, at in ((self.requests, 0), (self.tokens, 1)):
            if "used" in report:
                rate.used(holder, report["used"][at], now)
            if "back" in report:
                rate.returned(holder, report["back"][at])
        self.tokens.correct(report.get("more", 0.0))
        if self.portion is not None:
            self.portion.spent(report.get("used", (0, 0.0)), now)
            self.portion.returned(report.get("back", (0, 0.0)))
            self.portion.ended(report.get("slow", 0.0), report.get("more", 0.0))
        if "rates" in report:
            under_way = [max(0, sum(one.active for one in self._holders.values()) - 1), sum(self._under())]
            for rate, told, flying in zip((self.requests, self.tokens), report["rates"], under_way, strict=True):
                rate.learn(Rate(*told), now, flying)
        if "ask" in report:
            count, first, each, seen = report["ask"]
            count -= self._holders[holder].given - seen
            if count > 0:
                self._asks[holder] = _Ask(count, first, each)
            else:
                self._asks.pop(holder, None)

    def _under(self) -> Iterable[float]:
        return (one.under for one in self._holders.values())

    def _issue(self, out: Messages, now: float) -> None:
        """Hand out permits to the holders in turn, one after another, as long as the rates allow it."""
        if not any(self._meters):
            self._asks.clear()
        for _ in range(_MOST):
            if not self._asks or max(self.requests.ready(now), self.tokens.ready(now)) > now + 1e-9:
                break
            holder, ask = next(iter(self._asks.items()))
            if self.portion is not None:
                if not self.portion.admits(0, ask.first):
                    break
                self.portion.issue(ask.first)
            del self._asks[holder]
            self.requests.issue(holder, 1)
            self.tokens.issue(holder, ask.first)
            self._holders[holder].given += 1
            given = _to(out, holder).setdefault("given", [0, 0])
            given[0] += 1
            given[1] += ask.first
            ask.count, ask.first = ask.count - 1, ask.each
            if ask.count:
                self._asks[holder] = ask

    def _tell_others(self, out: Messages, holder: int | None, name: str, value: Json) -> None:
        for other in self._holders:
            if other != holder:
                _to(out, other)[name] = value

    def _turn(self, out: Messages, holder: int, *, begun: bool, now: float) -> None:
        """Begin or end an outage. Only one holder probes the server; the others wait for it."""
        outage = self._outage
        if begun and outage.prober is None:
            outage.prober, outage.since = holder, now
            outage.barred = set(self._holders) - {holder}
            for other in outage.barred:
                _to(out, other)["barred"] = True
        elif not begun and outage.prober == holder:
            for other in outage.barred:
                _to(out, other)["barred"] = False
            self._outage = _Outage()

    def _pass_on(self, out: Messages, now: float) -> None:
        """Let another holder probe the server, one that has something to send."""
        outage = self._outage
        heirs = sorted(outage.barred, key=lambda one: -self._holders[one].want)
        if heirs and self._holders[heirs[0]].want:
            if outage.prober in self._holders:
                outage.barred.add(outage.prober)
                _to(out, outage.prober)["barred"] = True
            outage.prober = heirs[0]
            outage.barred.discard(heirs[0])
            _to(out, heirs[0])["probe"] = now - outage.since
        elif outage.prober not in self._holders:
            for other in outage.barred:
                _to(out, other)["barred"] = False
            self._outage = _Outage()


def _to(out: Messages, holder: int) -> dict[str, Json]:
    return out.setdefault(holder, {})
