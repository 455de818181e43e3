"""The sums over all ways that a vote can go: how often it must be right, and how many calls it must take."""

from __future__ import annotations

from collections.abc import Sequence

from .rules import Counts, Rule


def by_sums(rule: Rule, right: float | Sequence[float], most: int) -> tuple[float, float]:
    """The probability that the value is right, and the mean number of calls, over all ways that a vote can go.

    ``right`` is how likely a sample is right. For a panel it is a list, and its voters take turns.
    """
    rights = [right] if isinstance(right, int | float) else right
    # By the right answers so far, by those of this window, and by whether the first sample, which settles a tie, was.
    going: dict[tuple[int, int, bool], float] = {(0, 0, False): 1.0}
    good = calls = 0.0
    for seen in range(1, most + 1):
        chance_here = rights[(seen - 1) % len(rights)]
        width = rule.window and (seen - 1) % rule.window + 1
        after: dict[tuple[int, int, bool], float] = {}
        for (hits, here, first), chance in going.items():
            for hit, part in ((1, chance_here), (0, 1 - chance_here)):
                begins = bool(hit) if seen == 1 else first
                now, inside = hits + hit, (here if width > 1 else 0) + hit
                counts = (max(now, seen - now), min(now, seen - now))
                unanimous = rule.window == width > 0 and inside in (0, width)
                if seen == most or unanimous or (not rule.window and rule.over(counts, seen, most)):
                    calls += chance * part * seen
                    if now > seen - now or (now == seen - now and begins):
                        good += chance * part * rule.wins(counts, most)
                else:
                    state = (now, inside if rule.window else 0, begins)
                    after[state] = after.get(state, 0.0) + chance * part
        going = after
    return good, calls


def stopped_wrong(rule: Rule, right: float, most: int) -> float:
    """The probability that a vote stops for the rarer of two answers, early or with its last sample."""
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
