"""The mean number of samples that a vote takes, if each sample is right with the same probability, independently.

All wrong samples are assumed to give the same answer, which is the worst case for a vote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .reach import number

MOST = 500
"""The mean is computed only for votes of at most this many samples, because the work grows with their square."""


def expected_samples(most: int, right: float, over: Callable[[int, int], bool]) -> float | None:
    """Return the mean number of samples until a vote is over. ``over`` gets the right and the wrong samples so far.

    Return None if the vote may take more than ``MOST`` samples.
    """
    if most > MOST:
        return None
    going = {0: 1.0}
    mean = 0.0
    for seen in range(most):
        mean += sum(going.values())
        after: dict[int, float] = {}
        for good, chance in going.items():
            for more, part in ((1, right), (0, 1 - right)):
                if not over(good + more, seen + 1 - good - more):
                    after[good + more] = after.get(good + more, 0.0) + chance * part
        going = after
        if not going:
            break
    return mean


def more_than_half(least: int, most: int, args: Mapping[str, object]) -> int:
    """Return the fewest samples that decide a vote by the lead: all for one answer, and fewer still out."""
    return min(most, max(most // 2 + 1, number(args, "at_least", 1)) + number(args, "stands", 0))


def until_uncatchable(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    """Return the mean number of samples until no other answer can catch up, as if each ballot were one vote."""
    changed = number(args, "stands", 0)
    return until_standing(most, right, changed, number(args, "at_least", 1) + changed)


def until_standing(most: int, right: float, changed: int, enough: int) -> float | None:
    """Return the mean number of samples until the leader of a vote stands against ``changed`` ballots, or never will.

    ``enough`` ballots are needed.
    """
    fewest = max(most // 2 + 1 + changed, enough)

    def over(a: int, b: int) -> bool:
        lead, left = abs(a - b), most - a - b
        fallen = changed > 0 and a + b >= fewest and lead + left <= 2 * changed
        return fallen or (a + b >= enough and lead > left + 2 * changed)

    return expected_samples(most, right, over)
