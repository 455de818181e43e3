"""Samples until one is good enough, beside the best of all: `best(by: score, enough: …)`.

A sample has a grade from 0 to 1. ``EASE`` has the exponents of ten questions: a grade is u ** (1 / ease) for an even u,
so a sample reaches a grade g with probability 1 − g ** ease.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from .files import Question
from .means import mean, off, within
from .passing import until_by_sums
from .through import Asked, Ran, both_ways

EASE = (*[4.0] * 3, *[2.0] * 3, *[1.0] * 2, 0.5, 0.25)
BARS = (0.7, 0.9)
MOST = 10


def graded(times: int, seed: int) -> list[Question]:
    rng = random.Random(f"{seed} grades")
    return [
        Question([f"{rng.random() ** (1 / ease):.3f}" for _ in range(MOST)], "") for _ in range(times) for ease in EASE
    ]


def enough_by_hand(grades: Sequence[float], bar: float, launch: str) -> tuple[float, int]:
    """Return the grade of the result and the number of samples, one by one or in waves of 1, 1, 2, 4."""
    asked = 0
    while asked < MOST:
        before, asked = asked, min(MOST, asked + (1 if launch == "cost" else max(1, asked)))
        for grade in grades[before:asked]:
            if grade >= bar:
                return grade, asked
    return max(grades), asked


def enough_through_flowrun(questions: Sequence[Question], bar: float, launch: str, seed: int) -> Ran:
    body = (
        f'repeat 1..{MOST} {{ ask "voter {{{{ q }}}}" -> {{ answer: text, grade: 0.0..1.0 }} with seed: 1 }} '
        f"reduce best(by: grade, enough: {bar}) with launch: {launch}"
    )

    def answers(asked: Asked) -> str | None:
        grade = str(questions[asked.question].votes[asked.sample])
        return json.dumps({"answer": grade, "grade": float(grade)})

    return both_ways(f"best, enough {bar}", body, answers, len(questions), seed)


def grades(times: int, through: int, seed: int) -> list[str]:
    """Print the table by hand; ``through`` of the questions also go through flowrun. Return what is missed."""
    missed = []
    asked = graded(times, seed)
    marks = [[float(str(vote)) for vote in one.votes] for one in asked]
    print(f"{len(asked):,} questions, {MOST} samples at most\n")
    print(f"{'':26} │ {'grade':>14} │ {'calls':>14} {'must be':>8} │ off")
    print(f"{'the best of all':26} │ {within([max(one) for one in marks]):>14} │ {MOST:14} {MOST:8} │")
    for bar in BARS:
        for launch in ("cost", "latency"):
            hand = [enough_by_hand(one, bar, launch) for one in marks]
            must = mean([until_by_sums(1 - bar**ease, MOST, launch)[1] for ease in EASE])
            took = [calls for _, calls in hand]
            name, far = f"enough: {bar}, {launch}", off(took, must)
            print(f"{name:26} │ {within([one for one, _ in hand]):>14} │ {within(took):>14} {must:8.2f} │ {far:3.1f}")
            run = enough_through_flowrun(asked[:through], bar, launch, seed)
            values = [None if one is None else float(one) for one in run.winners]
            if values != [one for one, _ in hand[:through]] or run.calls != took[:through]:
                missed.append(f"{name}: flowrun differs from the replay by hand")
            if far > 4:
                missed.append(f"{name}: {far:.1f} standard errors off")
    return missed
