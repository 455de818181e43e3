"""How many samples a vote takes on the average, where each is right by itself with one probability.

All wrong samples are taken to give the same answer, which is the worst that can happen to a vote.
"""

from __future__ import annotations

from collections.abc import Callable

MOST = 500
"""Votes of more samples are not worked out: the work grows with the square of them."""


def expected_samples(most: int, right: float, over: Callable[[int, int], bool]) -> float | None:
    """The mean number of samples until a vote is over; ``over`` gets the right and the wrong ones so far."""
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
