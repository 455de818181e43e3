"""The sums over all ways that a vote can go: how often it must be right, and how many calls it must take."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .rules import Counts, Rule


def by_sums(rule: Rule, right: float, most: int) -> tuple[float, float]:
    """How often the value is right, and the mean number of calls, over all ways that a vote can go."""
    step = rule.window or 1
    # By the right answers so far and whether the first sample was right, which settles a tie.
    going: dict[tuple[int, bool], float] = {(0, False): 1.0}
    good = calls = 0.0
    seen = 0
    while going:
        taken = min(step, most - seen)
        after: dict[tuple[int, bool], float] = {}
        for (hits, first), chance in going.items():
            for more, begins, part in _window(taken, right):
                now = (hits + more, first if seen else begins)
                wrong = seen + taken - now[0]
                counts = (max(now[0], wrong), min(now[0], wrong))
                unanimous = rule.window == taken and more in (0, taken)
                if seen + taken == most or unanimous or rule.over(counts, seen + taken, most):
                    calls += chance * part * (seen + taken)
                    if now[0] > wrong or (now[0] == wrong and now[1]):
                        good += chance * part * rule.wins(counts, most)
                else:
                    after[now] = after.get(now, 0.0) + chance * part
        going, seen = after, seen + taken
    return good, calls


def _window(taken: int, right: float) -> Iterator[tuple[int, bool, float]]:
    """The right answers among so many, whether the first is one of them, and how likely that is."""
    for begins in (True, False):
        for others in range(taken):
            chance = math.comb(taken - 1, others) * right**others * (1 - right) ** (taken - 1 - others)
            yield others + begins, begins, chance * (right if begins else 1 - right)


def stopped_wrong(rule: Rule, right: float, most: int) -> float:
    """How often a vote stops for the rarer of two answers before it has taken all its samples, or with the last one."""
    going: dict[Counts, float] = {(0, 0): 1.0}
    wrong = 0.0
    for seen in range(1, most + 1):
        after: dict[Counts, float] = {}
        for (hits, misses), chance in going.items():
            for now, part in (((hits + 1, misses), right), ((hits, misses + 1), 1 - right)):
                after[now] = after.get(now, 0.0) + chance * part
        going = {}
        for (hits, misses), chance in after.items():
            if rule.over((max(hits, misses), min(hits, misses)), seen, most):
                wrong += chance * (misses > hits)
            else:
                going[hits, misses] = chance
    return wrong
