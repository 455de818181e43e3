"""Made ballots for the rules that stop by how sure they are: what a rule costs, and what it loses."""

from __future__ import annotations

import random

from .files import Question
from .means import error, mean, share
from .replay import by_hand
from .rules import RISK, SURE
from .sums import by_sums, stopped_wrong

MIXES = {
    "mixed": (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55),
    "mostly easy": (*[0.99] * 80, *[0.9] * 8, *[0.7] * 4, *[0.5] * 3, *[0.2] * 5),
    "hard": (0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2),
}
"""The shares of right samples of the questions, in turn."""


def sure(most: int, questions: int, seed: int) -> list[str]:
    """Print the table of a replay, and of exact worst cases. ``lost`` are right answers of a confidence of 0.95 on the
    same ballots."""
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
    return worst_cases(min(questions, 2_000), seed)


def worst_cases(votes: int, seed: int) -> list[str]:
    """Print how often votes stop for a rarer answer; what is missed."""
    print("\nstopped for the rarer of two answers, %, exact; of 40 samples, and of 200\n")
    shares = (0.501, 0.55, 0.6, 0.7, 0.8, 0.9)
    print(f"{'':14} {'N':>4} │ " + " ".join(f"p {one:<5g}" for one in shares) + " │ samples with p .7, .8, .9")
    rules = SURE[:3]
    worst = 0.0
    for rule in rules:
        for most in (40, 200):
            wrong = [stopped_wrong(rule, right, most) for right in shares]
            calls = [by_sums(rule, right, most)[1] for right in (0.7, 0.8, 0.9)]
            print(
                f"{rule.name:14} {most:4} │ {' '.join(f'{100 * one:7.2f}' for one in wrong)} │ "
                f"{' '.join(f'{one:6.2f}' for one in calls)}"
            )
            worst = max(worst, *wrong) if rule is RISK else worst
    rng = random.Random(f"{seed} three")
    three = [Question(rng.choices("abc", (0.34, 0.33, 0.33), k=200), "a") for _ in range(votes)]
    found = [by_hand(RISK, one, 200) for one in three]
    others = [vote.winner != "a" and vote.calls < 200 for vote in found]
    print(f"{RISK.name} with three answers of .34, .33, .33: {share(others)} % stop for one of the other two")
    return [f"{RISK.name}: {worst:.1%} of the votes stop for the rarer answer"] if worst > 0.05 else []


def _made(rng: random.Random, right: float, wrong: int) -> str:
    return "right" if rng.random() < right else f"wrong {rng.randrange(wrong)}"
