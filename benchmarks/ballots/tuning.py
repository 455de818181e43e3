"""The promise of a tuner, by hand: a cheap cascade that is hardly ever worse than the dear voter, on unseen questions.

The settings are cascades from dear to cheap. ``naive`` takes the cheapest one whose loss on the labelled questions is
small enough. ``tested`` goes from the dearest on, as long as an upper bound of the loss is small enough
(fixed-sequence tests, arXiv 2110.01052). The bound is that of Clopper and Pearson for the questions that the dear voter
has right and the cascade has wrong. The truth is the loss over all questions that there are. `flowrun tune` must choose
the same. `tuned_promises.py` has mixes whose losses lie at the bound.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from flowrun.runtime.eval.promise import Measured, judged, picked

from .cascades import Cascade, all_by_hand, costs
from .means import mean, share
from .rules import ALL
from .voters import DEAR, MIXES, made_voters

SURE = 0.9
PROMISES = (0.01, 0.02)
LABELLED = (100, 300, 1_000)
SETTINGS = tuple(
    Cascade(f"{' and '.join(voters)} x{most}, below {below:g}", voters, ALL, most, most, below)
    for voters, most, below in (
        (("cheap", "other"), 6, 1.0),
        (("cheap", "other"), 4, 1.0),
        (("cheap", "other"), 3, 1.0),
        (("cheap", "other"), 2, 1.0),
        (("cheap", "other"), 4, 0.7),
        (("cheap",), 2, 1.0),
        (("cheap", "other"), 3, 0.6),
        (("cheap",), 1, 1.0),
    )
)


@lru_cache(None)
def greatest_share(found: int, of: int, sure: float) -> float:
    """The upper bound of a share by Clopper and Pearson, of which so many were found."""
    if found == of:
        return 1.0
    low, high = found / of, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _at_most(found, of, middle) > 1 - sure:
            low = middle
        else:
            high = middle
    return high


def _at_most(found: int, of: int, share: float) -> float:
    """The probability of at most so many."""
    return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(found + 1))


def tuned(losses: Sequence[Sequence[int]], labelled: Sequence[int], lose: float, *, tested: bool) -> int | None:
    """The chosen setting, the settings standing from dear to cheap; None for the dear voter itself.

    ``losses`` has for each setting and question 1 if only the dear voter is right, and -1 if only the cascade is.
    """
    chosen = None
    for number, row in enumerate(losses):
        drawn = [row[at] for at in labelled]
        if tested and greatest_share(drawn.count(1), len(drawn), SURE) > lose:
            break
        if tested or mean(drawn) <= lose:
            chosen = number
    return chosen


def by_flowrun(rights: Sequence[Sequence[bool]], labelled: Sequence[int], lose: float) -> int | None:
    """The choice of `flowrun tune`, with the dear voter as the dearest setting."""
    found = [Measured(float(-number), [row[at] for at in labelled]) for number, row in enumerate(rights)]
    place = picked(judged(found, lose, SURE)).place
    return place - 1 if place else None


def tuning(questions: int, splits: int, seed: int) -> list[str]:
    """Print the table of a replay by hand; what is missed."""
    missed = []
    print(f"right answers lost against the dear voter, {SURE:.0%} sure; {splits} splits\n")
    print(
        f"{'':6} {'at most':>7} {'labelled':>8} │ {'naive: broken %':>22} {'cost %':>7} │ "
        f"{'tested: broken %':>22} {'cost %':>7}"
    )
    for name, mix in MIXES.items():
        voters = made_voters(mix, questions, 6, seed)
        dear = [question.votes[0] == question.gold for question in voters[DEAR]]
        hands = [all_by_hand(setting, voters) for setting in SETTINGS]
        priced = sorted(hands, key=lambda hand: -mean(costs(hand, mix.price)))
        cost = [mean(costs(hand, mix.price)) for hand in priced]
        losses = [[right - (one.winner == "right") for right, one in zip(dear, hand, strict=True)] for hand in priced]
        truth = [mean(row) for row in losses]
        for lose, size in product(PROMISES, LABELLED):
            line = f"{name:6} {lose:7.0%} {size:8,}"
            rng = random.Random(f"{seed} {size}")
            drawn = [rng.sample(range(questions), size) for _ in range(splits)]
            for tested in (False, True):
                chosen = [tuned(losses, labelled, lose, tested=tested) for labelled in drawn]
                broken = [one is not None and truth[one] > lose for one in chosen]
                paid = mean([1.0 if one is None else cost[one] for one in chosen])
                line += f" │ {share(broken):>{22}} {100 * paid:7.1f}"
            if mean(broken) > 1 - SURE:
                missed.append(f"{name}, {lose:.0%} of {size} labelled: {mean(broken):.0%} of the promises are broken")
            rights = [dear, *([one.winner == "right" for one in hand] for hand in priced)]
            if [by_flowrun(rights, labelled, lose) for labelled in drawn] != chosen:
                missed.append(f"{name}, {lose:.0%} of {size} labelled: flowrun picks differently")
            print(line)
    return missed
