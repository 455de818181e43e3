"""The mean number of samples that a vote takes, if each sample is right with the same probability, independently.

All wrong samples are assumed to give the same answer, which is the worst case for a vote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import dataclass

from .reach import number

MOST = 500
"""The mean is computed only for votes of at most this many samples, because the work grows with their square."""


Over = Callable[[int, int], bool]
"""A function that tells whether a vote is over, from the numbers of right and of wrong samples so far."""


@dataclass(frozen=True, slots=True)
class UntilOver:
    """The mean number of samples of a vote, for the ``expected`` of its rule.

    ``ends`` returns what tells whether a vote of so many samples is over, from the known arguments. None if they do not
    tell it. The bounds of a plan read it too: a vote that compares its answers asks more questions at its end.
    """

    ends: Callable[[int, int, Mapping[str, object]], Over | None]

    def __call__(self, least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
        over = self.ends(least, most, args)
        return None if over is None else expected_samples(most, right, over)


def expected_samples(most: int, right: float, over: Over) -> float | None:
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


def uncatchable(least: int, most: int, args: Mapping[str, object]) -> Over:
    """Tell when no other answer can catch up, as if each ballot were one vote."""
    changed = number(args, "stands", 0)
    return standing(most, changed, number(args, "at_least", 1) + changed)


until_uncatchable = UntilOver(uncatchable)


def standing(most: int, changed: int, enough: int) -> Over:
    """Tell when the leader of a vote stands against ``changed`` ballots, or never will. It needs ``enough`` ballots."""
    fewest = max(most // 2 + 1 + changed, enough)

    def over(a: int, b: int) -> bool:
        lead, left = abs(a - b), most - a - b
        fallen = changed > 0 and a + b >= fewest and lead + left <= 2 * changed
        return fallen or (a + b >= enough and lead > left + 2 * changed)

    return over
