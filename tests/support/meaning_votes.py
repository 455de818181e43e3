"""The meaning of votes by their rules, with all ballots there or some missing for good."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb
from typing import Any

from .oracle import kind_of

Json = Any


class Lost(Exception):
    """A step has no value.

    ``abstains``: an answer came, but counts as none. ``outside``: it failed because a step of the flow itself has no
    value, which no block can make good. Either is None if it depends on which of two failures is first.
    """

    def __init__(self, why: str, *, abstains: bool | None = False, outside: bool | None = False) -> None:
        super().__init__(why)
        self.abstains = abstains
        self.outside = outside


class Undecided(Exception):
    """The outcome of the flow depends on which of two failures is first, or on more than this reader knows."""


MISSING = object()
"""A mark in the place of a sample whose call never brought an answer."""


@dataclass
class Count:
    """The votes by answer. ``wholes`` are the results that the answers are parts of; ``total`` is the sum of votes."""

    votes: dict[str, Fraction] = field(default_factory=dict)
    firsts: dict[str, tuple[int, int]] = field(default_factory=dict)
    answers: dict[str, Json] = field(default_factory=dict)
    wholes: dict[str, Json] = field(default_factory=dict)
    counted: int = 0
    missing: int = 0
    heaviest: Fraction = Fraction(1)

    def add(
        self, place: tuple[int, int], answer: Json, whole: Json, votes: Fraction = Fraction(1), key: str = ""
    ) -> None:
        key = key or json.dumps(answer, sort_keys=True)
        self.votes[key] = self.votes.get(key, Fraction(0)) + votes
        if key not in self.firsts:
            self.firsts[key], self.answers[key], self.wholes[key] = place, answer, whole

    def order(self) -> list[str]:
        return sorted(self.votes, key=lambda key: (-self.votes[key], self.firsts[key]))

    @property
    def lead(self) -> Fraction:
        most = [*sorted(self.votes.values(), reverse=True), Fraction(0), Fraction(0)]
        return most[0] - most[1]

    @property
    def tied(self) -> list[str]:
        order = self.order()
        return [key for key in order if self.votes[key] == self.votes[order[0]]]


@dataclass
class Vote:
    """A vote by a rule over results in order. None abstains; MISSING could have been any answer."""

    rule: str
    args: dict[str, Json]
    results: Sequence[Json]
    ask: Callable[[list[Json]], Json] | None = None
    least: int | None = None

    def count(self, results: Sequence[Json]) -> Count:
        count = Count()
        by, of = self.args.get("by"), self.args.get("of")
        lists: list[tuple[int, list[Json]]] = []
        for index, result in enumerate(results):
            if result is MISSING:
                count.missing += 1
            elif result is not None:
                answer = result[of] if self.rule == "weighted" else result if by is None else result[by]
                if self.rule == "approval":
                    count.counted += 1
                    for place, one in enumerate(dict.fromkeys(answer)):
                        count.add((index, place), one, one)
                elif self.rule == "ranked":
                    if answer:
                        count.counted += 1
                        lists.append((index, list(dict.fromkeys(answer))))
                elif answer is not None:
                    count.counted += 1
                    votes = Fraction(result[by]) if self.rule == "weighted" else Fraction(1)
                    kind = f"kind {kind_of(answer)}" if self.args.get("same") else ""
                    count.add((index, 0), answer, result, votes, kind)
        if self.rule == "ranked":
            (_borda if self.args.get("method") == "borda" else _runoff)(count, [one for _, one in lists])
        return count

    def enough(self) -> int:
        return max(1, int(self.args.get("at_least", 1)))

    def holds(self, results: Sequence[Json]) -> bool:
        """Tell whether an adaptive vote ends after these results."""
        count = self.count(results)
        if count.counted < self.enough() or not count.votes:
            return False
        first = int(count.votes[count.order()[0]])
        second = first - int(count.lead)
        if self.rule == "ahead":
            return first - second >= int(self.args["lead"])
        if self.rule == "window":
            width = self.args["width"]
            window = [None if one is None else self.count([one]).order() for one in results[-width:]]
            return len(results) % width == 0 and None not in window and all(one == window[0] for one in window)
        if "risk" in self.args:
            # The points of the mixture times 2, and their weights.
            points = ((19, 81), (16, 13), (13, 6))
            evidence = sum(
                weight * Fraction(up, 10) ** first * Fraction(20 - up, 10) ** second for up, weight in points
            )
            return evidence / 100 * Fraction(str(self.args["risk"])) >= 1
        total = first + second + 1
        sure = Fraction(sum(comb(total, i) for i in range(first + 1)), 2**total)
        return float(sure) >= float(self.args.get("confidence", 0.95))

    def looked_at(self, *, prefix: bool) -> list[Json]:
        """Return the results that count: all of them, or, in order, those up to the decision of the vote."""
        if self.least is not None:
            if MISSING in self.results:
                raise Undecided("an adaptive vote that misses samples")
            for end in range(self.least, len(self.results)):
                if self.holds(self.results[:end]):
                    return list(self.results[:end])
        elif prefix:
            for end in range(1, len(self.results)):
                hidden = [*self.results[:end], *[MISSING] * (len(self.results) - end)]
                count = self.count(hidden)
                if count.counted >= self.enough() and self.settled(count):
                    return list(self.results[:end])
        return list(self.results)

    def settled(self, count: Count) -> bool:
        """Tell whether the missing ballots can no longer change the outcome."""
        most, first = len(self.results), max(count.votes.values(), default=Fraction(0))
        if self.against:
            return self.stands(count, self.against)
        match self.rule:
            case "quorum":
                needed = self.args["votes"]
                certain = 2 * needed > most or count.lead > count.missing
                return bool(first + count.missing < needed or (first >= needed and certain))
            case "unanimous":
                return len(count.votes) > 1 or count.missing == 0
            case "ranked":
                return count.missing == 0
            case "approval":
                return bool(count.votes) and count.lead > count.missing
        return count.lead > count.missing * count.heaviest

    @property
    def against(self) -> int:
        return int(self.args.get("stands", 0))

    def stands(self, count: Count, changed: int) -> bool:
        """Tell whether the leader wins whatever any so many ballots, and the missing ones, would have been."""
        first, most = max(count.votes.values(), default=Fraction(0)), len(self.results)
        ahead = count.lead > count.missing + 2 * changed
        if count.counted < self.enough() + changed:
            return False
        if self.rule == "quorum":
            needed = self.args["votes"]
            return bool(first >= needed + changed and (ahead or 2 * needed > most))
        return ahead

    def told(self, count: Count) -> int | None:
        """Return the greatest number of changed ballots that an exact vote stands against; None for other rules."""
        if self.least is not None or self.args.get("same") or self.rule not in ("majority", "quorum", "approval"):
            return None
        return max([0, *(changed for changed in range(len(self.results)) if self.stands(count, changed))])

    def ended(self, *, prefix: bool = False) -> tuple[Json, Count, str]:
        """Return the value, the count of votes, and the winner's key. Raises Lost if the vote has no value."""
        looked_at = self.looked_at(prefix=prefix)
        count = self.count(looked_at)
        if count.counted < self.enough():
            reach = count.missing > 0 and count.counted + count.missing >= self.enough()
            raise Lost("too few ballots", abstains=not reach)
        if self.rule == "ranked" and count.missing:
            raise Undecided("lists that are missing")
        if count.missing and not self.settled(count):
            # With the missing ballots the vote could stand, or it could not.
            raise Lost("the vote is not settled", abstains=None if self.against else False)
        if not count.votes:
            raise Lost("all ballots are empty", abstains=True)
        tied = count.tied
        winner = tied[0]
        undecided = self.args.get("undecided", "fail" if "risk" in self.args else "first")
        if self.least is not None and undecided != "first" and not self.holds(looked_at):
            if undecided not in ("none", None):
                raise Lost("undecided", abstains=True)
            return None, count, winner
        if len(tied) > 1:
            if self.args.get("ties") == "error":
                raise Lost("a tie", abstains=True)
            if self.ask is not None:
                winner = self._chosen(tied, count)
        if self.rule == "quorum" and count.votes[winner] < self.args["votes"]:
            raise Lost("no quorum", abstains=True)
        if self.rule == "unanimous" and len(count.votes) > 1:
            raise Lost("not unanimous", abstains=True)
        if self.against and not self.stands(count, self.against):
            raise Lost("it does not stand", abstains=True)
        return count.wholes[winner], count, winner

    def _chosen(self, tied: list[str], count: Count) -> str:
        assert self.ask is not None
        answers = [count.answers[key] for key in tied]
        chosen = self.ask(answers)
        return tied[chosen - 1] if isinstance(chosen, int) else json.dumps(chosen)


def _borda(count: Count, lists: list[list[Json]]) -> None:
    named = list(dict.fromkeys(answer for one in lists for answer in one))
    points = Counter(dict.fromkeys(named, 0))
    for one in lists:
        for place, answer in enumerate(one):
            points[answer] += len(named) - 1 - place
    for place, answer in enumerate(named):
        count.add((place, 0), answer, answer, Fraction(points[answer]))


def _runoff(count: Count, lists: list[list[Json]]) -> None:
    named = list(dict.fromkeys(answer for one in lists for answer in one))
    left = named[:]
    while True:
        tops = [next((answer for answer in one if answer in left), None) for one in lists]
        firsts = {answer: tops.count(answer) for answer in left}
        standing = sum(firsts.values())
        if not left or 2 * max(firsts.values()) > standing or len(set(firsts.values())) == 1:
            break
        fewest = min(firsts.values())
        left.remove([answer for answer in left if firsts[answer] == fewest][-1])
    for answer in left:
        count.add((named.index(answer), 0), answer, answer, Fraction(firsts[answer]))
