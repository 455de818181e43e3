"""The places at an endpoint, shared out among the holders of its lease by their need.

A place that a holder has been given counts as taken until this holder has said that it uses it no more. So there are
never more requests in flight than the limit, however long the messages take.
"""

from __future__ import annotations

from math import inf
from typing import Any

from flowrun.dsl import dataclass

LINGER = 30.0
"""The seconds for which the places of a dead holder are kept if no request has finished yet."""
LONGER = 1.25
"""The times the slowest request so far for which they are kept otherwise, plus a second."""
SLICE = 0.5
"""The seconds for which a holder keeps its last place if others, for which there is none, wait for it."""


@dataclass(eq=False, slots=True)
class Share:
    """The places of one holder.

    ``want`` is the number that it could use. ``leased`` is the number that it may use at most, as far as the book
    knows; ``told`` is the number in the last message to it, which has the number ``turn``. ``since`` is the time since
    which it has had places, or has waited for its first.
    """

    want: int = 0
    leased: int = 0
    told: int = 0
    turn: int = 0
    since: float = 0.0


class Shares:
    """The places of all holders. ``limit`` is their number; infinity if each holder learns what the server takes.

    ``kept`` are the places of dead holders, which the server may still be working for: their number and the time of
    their return.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.of: dict[Any, Share] = {}
        self.kept: list[tuple[float, int]] = []

    def report(self, holder: Any, want: int, has: int, turn: int, now: float) -> None:
        """Take the need of a holder, and the places that it keeps since the message ``turn``."""
        share = self.of.setdefault(holder, Share(since=now))
        if (want > 0) != (share.want > 0) and not share.leased:
            share.since = now
        share.want = want
        if turn == share.turn and has < share.leased:
            share.leased, share.told = has, min(has, share.told)
            if not share.leased:
                share.since = now

    def gone(self, holder: Any, until: float) -> None:
        """Keep the places of a dead holder until a time."""
        share = self.of.pop(holder, None)
        if share is not None:
            self.keep(share.leased, until)

    def keep(self, places: int, until: float) -> None:
        """Keep places until a time for requests that the server may still be working on."""
        if places and self.limit < inf:
            self.kept.append((until, places))

    def due(self, now: float) -> float:
        """Return the next time at which places may change hands without a report."""
        times = [until for until, _ in self.kept]
        if any(one.want and not one.leased for one in self.of.values()):
            times += [one.since + SLICE for one in self.of.values() if one.leased and one.since + SLICE > now]
        return min(times, default=inf)

    def deal(self, now: float) -> list[Any]:
        """Share the places out. Return the holders whose number has changed; the caller tells them."""
        if self.limit == inf:
            return []
        self.kept = [one for one in self.kept if one[0] > now]
        room = max(0, int(self.limit) - sum(places for _, places in self.kept))
        targets = self._targets(room, now)
        changed: list[Any] = []
        short = {h: targets[h] - one.leased for h, one in self.of.items() if targets[h] > one.leased}
        missing = sum(short.values())
        free = room - sum(one.leased for one in self.of.values())
        if missing > free:
            for holder, one in self.of.items():
                if one.told > targets[holder]:
                    one.told = targets[holder]
                    one.turn += 1
                    changed.append(holder)
        for holder in sorted(short, key=lambda one: self.of[one].leased):
            more = min(short[holder], free)
            if more > 0:
                free -= more
                self._give(self.of[holder], self.of[holder].leased + more, now)
                changed.append(holder)
        return list(dict.fromkeys(changed))

    def _give(self, share: Share, places: int, now: float) -> None:
        if not share.leased:
            share.since = now
        share.leased = share.told = places
        share.turn += 1

    def _targets(self, room: int, now: float) -> dict[Any, int]:
        """Work out a fair number of places for each holder: as many as it wants, or an even part of what is left."""
        wanting = [holder for holder, one in self.of.items() if one.want]
        targets = dict.fromkeys(self.of, 0)
        if len(wanting) > room:
            for holder in sorted(wanting, key=lambda one: self._rank(self.of[one], now))[:room]:
                targets[holder] = 1
            return targets
        left = room
        # Holders with more places keep the rest of the division.
        wanting.sort(key=lambda one: (min(self.of[one].want, room), self.of[one].leased))
        for at, holder in enumerate(wanting):
            targets[holder] = min(self.of[holder].want, left // (len(wanting) - at))
            left -= targets[holder]
        return targets

    def _rank(self, share: Share, now: float) -> tuple[int, float]:
        """Rank a holder, the next to be served first: those that began a moment ago, those that wait, the others."""
        if not share.leased:
            return 1, share.since
        return (0, share.since) if now < share.since + SLICE - 1e-9 else (2, -share.since)
