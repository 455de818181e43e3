"""The rules that stop a vote, each as a test of the counts, worked out here and nowhere in flowrun."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Counts = tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """``over`` says whether a vote of so many is decided by its counts, most first, of so many samples; ``wins``
    whether the leader then has it. ``shape`` is how a ballot is written, ``%s`` being its answer as JSON."""

    name: str
    text: str
    over: Callable[[Counts, int, int], bool]
    adaptive: bool = False
    launch: str = "cost"
    answer: str = "text"
    shape: str = ""
    window: int = 0
    fewest: int = 1
    wins: Callable[[Counts, int], bool] = lambda counts, most: True

    def fits(self, most: int) -> bool:
        """Tell whether votes of at most so many samples can have this rule."""
        return max(self.window, self.fewest, 2 if self.adaptive else 1) <= most


def leading(first: int, second: int) -> float:
    total = first + second + 1
    return float(sum(math.comb(total, i) for i in range(first + 1)) / 2**total)


@lru_cache(None)
def _confident(first: int, second: int, share: float) -> bool:
    return leading(first, second) >= share


@lru_cache(None)
def _evidence(first: int, second: int) -> Fraction:
    points = ((19, 81), (16, 13), (13, 6))
    return sum((w * Fraction(up, 10) ** first * Fraction(20 - up, 10) ** second for up, w in points), Fraction()) / 100


def _cannot_change(counts: Counts, seen: int, most: int) -> bool:
    return counts[0] - counts[1] > most - seen


def _sure(counts: Counts, seen: int, most: int) -> bool:
    return _confident(*counts, 0.95)


def _proved(counts: Counts, seen: int, most: int) -> bool:
    return _evidence(*counts) >= 20


def _ahead(lead: int) -> Callable[[Counts, int, int], bool]:
    return lambda counts, seen, most: counts[0] - counts[1] >= lead


def _quorum(counts: Counts, seen: int, most: int) -> bool:
    return counts[0] >= two_thirds(most) or counts[0] + most - seen < two_thirds(most)


def two_thirds(most: int) -> int:
    return -(-2 * most // 3)


def _never(counts: Counts, seen: int, most: int) -> bool:
    return False


RULES = (
    Rule("all N", "majority", _never, launch="together"),
    Rule("majority", "majority", _cannot_change),
    Rule("quorum(⅔N)", "quorum(QUORUM)", _quorum, wins=lambda counts, most: counts[0] >= two_thirds(most)),
    Rule("unanimous", "unanimous", lambda counts, seen, most: counts[1] > 0, wins=lambda counts, most: counts[1] == 0),
    Rule(
        "weighted",
        "weighted(by: sure, of: answer)",
        _cannot_change,
        answer="{ answer: text, sure: 0..1 }",
        shape='{"answer": %s, "sure": 1}',
    ),
    Rule("approval", "approval", _cannot_change, answer="[text]", shape="[%s]"),
    Rule("ranked", "ranked", _never, answer="[text]", shape="[%s]"),
    Rule("confidence .95", "majority(confidence: 0.95)", _sure, adaptive=True, fewest=4),
    Rule("risk .05", "majority(risk: 0.05, undecided: first)", _proved, adaptive=True, fewest=5),
    Rule("ahead(2)", "ahead(2)", _ahead(2), adaptive=True),
    Rule("ahead(3)", "ahead(3)", _ahead(3), adaptive=True),
    Rule("window(3)", "window(3)", _never, adaptive=True, window=3),
    Rule("window(5)", "window(5)", _never, adaptive=True, window=5),
)


SURE = (
    Rule("confidence .95", "majority(confidence: 0.95)", _sure, adaptive=True, fewest=4),
    Rule("confidence .9", "majority(confidence: 0.9)", lambda counts, *_: _confident(*counts, 0.9), adaptive=True),
    Rule("risk .05", "majority(risk: 0.05)", _proved, adaptive=True),
    Rule("all N", "majority", _never),
)
"""The rules that stop by how sure they are, and the vote of all."""

_NAMED = {rule.name: rule for rule in RULES}
ALL, MAJORITY, SURE_95 = _NAMED["all N"], _NAMED["majority"], _NAMED["confidence .95"]
AHEAD_2, AHEAD_3 = _NAMED["ahead(2)"], _NAMED["ahead(3)"]
RISK = SURE[2]

PANEL_RULES = tuple(rule for rule in RULES if "risk" not in rule.text)
"""The rules for the samples of several voters; a bound of the error needs samples that are alike."""
