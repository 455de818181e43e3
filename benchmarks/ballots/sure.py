"""Made ballots for the rules that stop by how sure they are: what a rule costs, and what it loses."""

from __future__ import annotations

import random

from .files import Question
from .means import error, mean
from .replay import by_hand
from .rules import SURE

MIXES = {
    "mixed": (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55),
    "mostly easy": (*[0.99] * 80, *[0.9] * 8, *[0.7] * 4, *[0.5] * 3, *[0.2] * 5),
    "hard": (0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2),
}
"""The shares of right samples of the questions, in turn."""


def sure(most: int, questions: int, seed: int) -> None:
    """Print the table of a replay. ``lost`` are right answers of a confidence of 0.95 on the same ballots."""
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
                ran = [(vote.winner == "right", vote.calls) for vote in found]
                base = base or ran
                lost = [one - other for (one, _), (other, _) in zip(base, ran, strict=True)]
                calls = mean([calls for _, calls in ran])
                fewer = 100 * (1 - calls / mean([calls for _, calls in base]))
                right = 100 * mean([good for good, _ in ran])
                print(
                    f"{name:11} {rule.name:14} {wrong:5} │ {right:7.2f} {calls:6.2f} │ "
                    f"{fewer:7.1f} │ {100 * mean(lost):6.2f} ± {196 * error(lost):4.2f}"
                )


def _made(rng: random.Random, right: float, wrong: int) -> str:
    return "right" if rng.random() < right else f"wrong {rng.randrange(wrong)}"
