"""The tables of the rules: beside what was run stands what must come of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .files import Question, fewest
from .means import mean, off, share, within
from .replay import ballot, by_hand, normal
from .rules import PANEL_RULES, RULES
from .sums import by_sums
from .through import PANEL, through_flowrun


def synthetic(
    rights: Sequence[float], samples: Sequence[int], questions: int, seed: int, panel: Sequence[float] = ()
) -> float:
    """Print the table; the greatest difference, in standard errors.

    With ``panel`` each vote is one of two voters in turn, and the second is right so much less often than the first.
    """
    print(
        f"{'':16} {'p':>4} {'N':>3} │ {'right %':>8} {'must be':>8} │ {'calls':>6} {'must be':>7} │ off │ rounds   time"
    )
    worst = 0.0
    for most in samples:
        for right in rights:
            turns = [right, *(right - less for less in panel)]
            rng = random.Random(f"{seed} {most} {right}")
            asked = [
                Question(["right" if rng.random() < turns[i % len(turns)] else "wrong" for i in range(most)], "right")
                for _ in range(questions)
            ]
            for rule in PANEL_RULES if panel else RULES:
                if not rule.fits(most):
                    continue
                ran = through_flowrun(rule, asked, most, seed, PANEL[: len(turns)] if panel else ())
                good, calls = by_sums(rule, turns, most)
                found = [winner == "right" for winner in ran.winners]
                far = max(off(found, good), off(ran.calls, calls))
                worst = max(worst, far)
                print(
                    f"{rule.name:16} {right:4g} {most:3} │ {100 * mean(found):8.2f} {100 * good:8.2f} │ "
                    f"{mean(ran.calls):6.2f} {calls:7.2f} │ {far:3.1f} │ {ran.rounds:6.2f} {ran.seconds:6.2f}"
                )
    return worst


def recorded(
    questions: Sequence[Question], source: str, most: int | None, seed: int, voters: Sequence[str] = ()
) -> bool:
    """Print the table of a file, or of a panel of several; whether all is as it is by hand."""
    most = min([fewest(questions)] + ([most] if most else []))
    sized = all(question.tokens for question in questions)
    empty = sum(ballot(vote) is None for question in questions for vote in question.votes[:most])
    print(f"{len(questions):,} questions of {source}, {most} samples each, {empty:,} of them without an answer\n")
    tokens = f"{'tokens':>16} │ " if sized else ""
    print(f"{'':16} │ {'right %':>21} {'by hand':>8} │ {'calls':>14} {'by hand':>8} │ {tokens}rounds   time")
    same = True
    for rule in PANEL_RULES if voters else RULES:
        if not rule.fits(most):
            continue
        ran = through_flowrun(rule, questions, most, seed, voters)
        hand = [by_hand(rule, question, most) for question in questions]
        winners = [None if winner is None else normal(winner) for winner in ran.winners]
        good = [winner == normal(one.gold) for winner, one in zip(winners, questions, strict=True)]
        known = [vote.winner == normal(one.gold) for vote, one in zip(hand, questions, strict=True)]
        exact = winners == [vote.winner for vote in hand] and ran.calls == [vote.calls for vote in hand]
        same = same and exact
        taken = [sum(one.tokens[:calls]) for one, calls in zip(questions, ran.calls, strict=True)]
        size = f"{within(taken, digits=0):>16} │ " if sized else ""
        print(
            f"{rule.name:16} │ {share(good):>21} {100 * mean(known):8.2f} │ {within(ran.calls):>14} "
            f"{mean([vote.calls for vote in hand]):8.3f} │ {size}{ran.rounds:6.2f} {ran.seconds:6.2f}"
            f"{'' if exact else '  differs'}"
        )
    return same
