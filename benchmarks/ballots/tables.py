"""The tables that the simulator of votes prints."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

from .files import Question, read
from .means import mean, off
from .replay import by_hand, normal
from .rules import RULES, SURE
from .sums import by_sums
from .through import through_flowrun


def synthetic(rights: Sequence[float], samples: Sequence[int], questions: int, seed: int) -> float:
    """Print the table; the greatest difference, in standard errors."""
    print(
        f"{'':16} {'p':>4} {'N':>3} │ {'right %':>8} {'must be':>8} │ {'calls':>6} {'must be':>7} │ off │ rounds   time"
    )
    worst = 0.0
    for most in samples:
        for right in rights:
            rng = random.Random(f"{seed} {most} {right}")
            asked = [
                Question(["right" if rng.random() < right else "wrong" for _ in range(most)], "right")
                for _ in range(questions)
            ]
            for rule in RULES:
                if max(rule.window, rule.fewest) > most:
                    continue
                ran = through_flowrun(rule, asked, most, seed)
                good, calls = by_sums(rule, right, most)
                found = [winner == "right" for winner in ran.winners]
                far = max(off(found, good), off(ran.calls, calls))
                worst = max(worst, far)
                print(
                    f"{rule.name:16} {right:4g} {most:3} │ {100 * mean(found):8.2f} {100 * good:8.2f} │ "
                    f"{mean(ran.calls):6.2f} {calls:7.2f} │ {far:3.1f} │ {ran.rounds:6.2f} {ran.seconds:6.2f}"
                )
    return worst


def recorded(path: Path, most: int | None, seed: int) -> bool:
    """Print the table; whether all is as it is by hand."""
    questions = list(read(path))
    most = min([len(question.votes) for question in questions] + ([most] if most else []))
    print(f"{len(questions):,} questions of {path.name}, {most} samples each\n")
    print(f"{'':16} │ {'right %':>8} {'by hand':>8} │ {'calls':>7} {'by hand':>8} │ rounds   time")
    same = True
    for rule in RULES:
        if max(rule.window, rule.fewest) > most:
            continue
        ran = through_flowrun(rule, questions, most, seed)
        hand = [by_hand(rule, question, most) for question in questions]
        winners = [None if winner is None else normal(winner) for winner in ran.winners]
        good = [winner == normal(one.gold) for winner, one in zip(winners, questions, strict=True)]
        known = [winner == normal(one.gold) for (winner, _), one in zip(hand, questions, strict=True)]
        exact = list(zip(winners, ran.calls, strict=True)) == hand
        same = same and exact
        note = "" if exact else "  differs"
        print(
            f"{rule.name:16} │ {100 * mean(good):8.2f} {100 * mean(known):8.2f} │ {mean(ran.calls):7.3f} "
            f"{mean([calls for _, calls in hand]):8.3f} │ {ran.rounds:6.2f} {ran.seconds:6.2f}{note}"
        )
    return same


MIXES = {
    "mixed": (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55),
    "mostly easy": (*[0.99] * 80, *[0.9] * 8, *[0.7] * 4, *[0.5] * 3, *[0.2] * 5),
    "hard": (0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2),
}


def made(most: int, questions: int, seed: int) -> None:
    """Print the table of a replay of made ballots: what a rule costs, and what it loses against the default."""
    print(f"{'':26} {'wrong':>5} │ {'right %':>7} {'calls':>6} │ {'fewer %':>7} │ {'lost, points':>14}")
    for name, mix in MIXES.items():
        for wrong in (1, 2, 4):
            rng = random.Random(f"{seed} {name} {wrong}")
            asked = [
                Question([_made(rng, mix[number % len(mix)], wrong) for _ in range(most)], "right")
                for number in range(questions)
            ]
            base: list[tuple[bool, int]] = []
            for rule in SURE:
                found = [by_hand(rule, question, most) for question in asked]
                ran = [(winner == "right", calls) for winner, calls in found]
                base = base or ran
                lost = [one - other for (one, _), (other, _) in zip(base, ran, strict=True)]
                error = 196 * math.sqrt((mean([one * one for one in lost]) - mean(lost) ** 2) / len(lost))
                calls = mean([calls for _, calls in ran])
                fewer = 100 * (1 - calls / mean([calls for _, calls in base]))
                right = 100 * mean([good for good, _ in ran])
                print(
                    f"{name:11} {rule.name:14} {wrong:5} │ {right:7.2f} {calls:6.2f} │ "
                    f"{fewer:7.1f} │ {100 * mean(lost):6.2f} ± {error:4.2f}"
                )


def _made(rng: random.Random, right: float, wrong: int) -> str:
    return "right" if rng.random() < right else f"wrong {rng.randrange(wrong)}"
