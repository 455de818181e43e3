"""Tournaments: a judge compares two candidates at a time, in both orders, and is right more often than not.

In a part ``BIAS`` of all comparisons the judge takes the first candidate, whatever it is; else it takes the better one
with the probability ``right``. If its answers for the two orders differ, the match is a draw. Then the candidate with
the lower number goes on in a knockout, and each has half a point in a tournament of all pairs.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .means import mean, off, share, within
from .through import Asked, Ran, both_ways

CANDIDATES = 8
BIAS = 0.1
RIGHTS = (0.6, 0.75, 0.9)
METHODS = ("knockout", "pairs")


@dataclass
class Judge:
    """The judge of one question: how good each candidate is, and what it has said about each pair in its order."""

    number: int
    right: float
    seed: int
    good: list[int] = field(default_factory=list)
    said: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.good = random.Random(f"{self.seed} {self.number}").sample(range(CANDIDATES), CANDIDATES)

    def prefers(self, one: int, other: int) -> int:
        """The place that it prefers, 1 or 2; the same whenever it is asked the same."""
        rng = random.Random(f"{self.seed} {self.number} {one} {other}")
        if rng.random() < BIAS:
            return 1
        better = 1 if self.good[one] > self.good[other] else 2
        return better if rng.random() < self.right else 3 - better

    def winner(self, one: int, other: int) -> int:
        """The winner of a match in both orders."""
        first = one if self.prefers(one, other) == 1 else other
        second = other if self.prefers(other, one) == 1 else one
        return first if first == second else min(one, other)

    def points(self, one: int, other: int) -> int:
        """The points of a candidate in a match: 2, or 1 each if the two answers differ."""
        return (self.prefers(one, other) == 1) + (self.prefers(other, one) == 2)

    @property
    def best(self) -> int:
        return self.good.index(CANDIDATES - 1)


def match_by_sums(right: float) -> float:
    """The probability that the better of two wins a match, if each of them has the lower number equally often."""
    # In the first order the better one stands first, in the other order second.
    first = BIAS + (1 - BIAS) * right
    second = (1 - BIAS) * right
    return first * second + 0.5 * (first * (1 - second) + (1 - first) * second)


def pairs_by_hand(judge: Judge) -> int:
    """The winner of all matches: most points, of equals those with most points among themselves, then the lowest."""
    top, before = list(range(CANDIDATES)), 0
    while len(top) != before:
        before = len(top)
        points = [sum(judge.points(one, other) for other in top if other != one) for one in top]
        top = [one for one, count in zip(top, points, strict=True) if count == max(points)]
    return top[0]


def knockout_holds(judge: Judge, winner: int) -> bool:
    """Tell whether the matches that were played are a knockout that this candidate wins.

    Each match was asked in both orders, all but the winner lose exactly one match, and nobody loses twice.
    """
    matches = {(min(pair), max(pair)) for pair in judge.said}
    twice = len(judge.said) == 2 * len(matches) == 2 * (CANDIDATES - 1)
    lost = Counter(one + other - judge.winner(one, other) for one, other in matches)
    return twice and lost == Counter(set(range(CANDIDATES)) - {winner})


def through_flowrun(method: str, judges: Mapping[int, Judge], seed: int) -> Ran:
    body = (
        f'repeat {CANDIDATES} {{ ask "voter {{{{ q }}}}" -> text with seed: 1 }} reduce '
        f'best(judge: ask cheap "judge {{{{ q }}}} {{{{ results }}}}", method: {method})'
    )

    def answers(asked: Asked) -> str | None:
        if asked.voter == "voter":
            return f"c{asked.sample}"
        one, other = (int(word[1:]) for word in asked.words if word.startswith("c"))
        judge = judges[asked.question]
        judge.said[one, other] = judge.prefers(one, other)
        return str(judge.said[one, other])

    return both_ways(method, body, answers, len(judges), seed)


def tournaments(questions: int, seed: int) -> list[str]:
    """Print the table of both methods through flowrun; what is missed."""
    missed = []
    rounds = math.ceil(math.log2(CANDIDATES))
    print(f"the best of {CANDIDATES} candidates; a match is asked in both orders\n")
    print(f"{'':17} │ {'best wins %':>20} {'must be':>8} │ {'comparisons':>14} {'must be':>8} │ off │ rounds")
    for right in RIGHTS:
        for method in METHODS:
            judges = {number: Judge(number, right, seed) for number in range(questions)}
            ran = through_flowrun(method, judges, seed)
            winners = [int((winner or "c-1")[1:]) for winner in ran.winners]
            found = [winner == judge.best for winner, judge in zip(winners, judges.values(), strict=True)]
            if method == "knockout":
                good, calls = match_by_sums(right) ** rounds, 2 * (CANDIDATES - 1)
                exact = all(map(knockout_holds, judges.values(), winners))
            else:
                hand = [pairs_by_hand(judge) for judge in judges.values()]
                good = mean([winner == judge.best for winner, judge in zip(hand, judges.values(), strict=True)])
                calls = CANDIDATES * (CANDIDATES - 1)
                exact = hand == winners
            took = [of["judge"] for of in ran.of]
            far = off(found, good)
            print(
                f"{method:9} p {right:<4g}  │ {share(found):>20} {100 * good:8.1f} │ {within(took):>14} {calls:8} │ "
                f"{far:3.1f} │ {ran.rounds:.2f}"
            )
            if not exact or set(took) != {calls}:
                missed.append(f"{method}: flowrun differs from the replay by hand")
            if far > 4:
                missed.append(f"{method}: {far:.1f} standard errors off")
    return missed
