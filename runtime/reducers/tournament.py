"""Tournaments of `best` and `rank`: a judge compares two candidates at a time.

Each match is two asks, with the two candidates in both orders, because judges favour a place (arXiv 2306.05685). If
both answers name the same candidate, it wins. If they differ, the judge has only named a place: the match is a draw.

`knockout` takes N - 1 matches in ⌈log₂ N⌉ rounds. The candidates are drawn in an order that is the same in every run. A
winner meets the winner beside it. A candidate without a rival goes on. After a draw the candidate that stands first
among the results goes on, so a place in the prompt decides nothing.

`pairs` takes all N (N - 1) / 2 matches at once. A win is a point, a draw half a point for each. Of candidates with
equal points, those win that have the most points in the matches among themselves, and then the first of the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from random import Random

from flowrun.dsl import dataclass

from ..vocabulary.tally import Contest, Method


@dataclass(frozen=True, slots=True)
class Match:
    """A match of two candidates, by their places among the results. The ``left`` one stands first among them."""

    level: int
    number: int
    left: int
    right: int

    @property
    def orders(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The two orders in which the judge sees the candidates."""
        return (self.left, self.right), (self.right, self.left)


@dataclass(eq=False)
class Tournament:
    """A tournament between the results at some places. ``draws`` has the matches without a winner."""

    places: Sequence[int]
    matches: int = 0
    draws: int = 0
    points: dict[int, float] = field(default_factory=dict)
    played: dict[int, int] = field(default_factory=dict)

    def begin(self) -> list[Match]:
        """Return the matches that can be played at once."""
        raise NotImplementedError

    def end(self, match: Match, named: tuple[int, int]) -> list[Match]:
        """Take the candidates that the judge named in both orders. Return the matches that can be played then."""
        self.matches += 1
        winner = named[0] if named[0] == named[1] else None
        for place in (match.left, match.right):
            self.played[place] = self.played.get(place, 0) + 1
            gain = 0.5 if winner is None else float(place == winner)
            self.points[place] = self.points.get(place, 0) + gain
        self.draws += winner is None
        return self.ended(match, winner)

    def ended(self, match: Match, winner: int | None) -> list[Match]:
        raise NotImplementedError

    def order(self) -> list[int]:
        """Return the places, the winner first."""
        raise NotImplementedError

    def account(self, method: Method, of: int, unit: str) -> Contest:
        winner = self.order()[0]
        others = [self.points.get(place, 0) for place in self.places if place != winner]
        margin = self.points.get(winner, 0) - max(others, default=0)
        won, played = self.points.get(winner, 0), self.played.get(winner, 0)
        agreed = self.matches - self.draws
        return Contest(method, winner, len(self.places), of, self.matches, agreed, won, played, margin, unit)


class Knockout(Tournament):
    """A knockout. ``_slots`` has the candidates of each round, by their numbers in it."""

    def __init__(self, places: Sequence[int], seed: int) -> None:
        super().__init__(places)
        drawn = list(places)
        Random(seed).shuffle(drawn)
        self._sizes = [len(drawn)]
        while self._sizes[-1] > 1:
            self._sizes.append((self._sizes[-1] + 1) // 2)
        self._slots: list[dict[int, int]] = [dict(enumerate(drawn)), *({} for _ in self._sizes[1:])]

    def begin(self) -> list[Match]:
        return [match for number in range(0, self._sizes[0], 2) for match in self._meet(0, number)]

    def _meet(self, level: int, slot: int) -> list[Match]:
        """Return the match of a candidate that has reached a slot, if its rival is there."""
        first, slots = slot - slot % 2, self._slots[level]
        if first + 1 >= self._sizes[level]:
            return self._go_on(level, first // 2, slots[first]) if self._sizes[level] > 1 else []
        if first not in slots or first + 1 not in slots:
            return []
        left, right = sorted((slots[first], slots[first + 1]))
        return [Match(level, first // 2, left, right)]

    def _go_on(self, level: int, number: int, place: int) -> list[Match]:
        self._slots[level + 1][number] = place
        return self._meet(level + 1, number)

    def ended(self, match: Match, winner: int | None) -> list[Match]:
        return self._go_on(match.level, match.number, match.left if winner is None else winner)

    def order(self) -> list[int]:
        """Return the places by the last round that they reached, the winner first."""
        reached = {place: level for level, slots in enumerate(self._slots) for place in slots.values()}
        return sorted(self.places, key=lambda place: (-reached[place], place))


class Pairs(Tournament):
    """A tournament in which each candidate meets each other one. ``_shares`` has the points of each match."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(places)
        self._shares: dict[tuple[int, int], float] = {}

    def begin(self) -> list[Match]:
        pairs = [(one, other) for at, one in enumerate(self.places) for other in self.places[at + 1 :]]
        return [Match(0, number, *sorted(pair)) for number, pair in enumerate(pairs)]

    def ended(self, match: Match, winner: int | None) -> list[Match]:
        share = 0.5 if winner is None else float(winner == match.left)
        self._shares[match.left, match.right] = share
        self._shares[match.right, match.left] = 1 - share
        return []

    def order(self) -> list[int]:
        return self._ordered(sorted(self.places))

    def _ordered(self, places: list[int]) -> list[int]:
        """Order places by their points in the matches among themselves. Equal ones are compared among themselves."""
        made: list[int] = []
        groups: dict[float, list[int]] = {}
        for place in places:
            groups.setdefault(self._among(place, places), []).append(place)
        for _, group in sorted(groups.items(), reverse=True):
            made += group if len(group) == len(places) else self._ordered(group)
        return made

    def _among(self, place: int, places: Iterable[int]) -> float:
        return sum(self._shares.get((place, other), 0.0) for other in places if other != place)


def tournament(method: str, places: Sequence[int], seed: int) -> Tournament:
    """Return a tournament of this method between the results at these places."""
    return Knockout(places, seed) if method == "knockout" else Pairs(places)
