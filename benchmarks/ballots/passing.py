"""Samples until one passes a check, beside a vote of as many: puzzles like the Game of 24.

Of GPT-4's samples with a chain of thought 4 % were right. A vote of 100 samples was right for 9 % of the puzzles, and
the best of 100 for 49 % (arXiv 2305.10601, table 2). ``RATES`` has the shares of right samples of a hundred
puzzles that come to these figures. The wrong answers of a puzzle are many, and the most frequent has the share
``WRONG``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .files import Question
from .means import mean, off, share, within
from .replay import ballot, by_hand, normal
from .rules import ALL
from .through import Asked, Ran, both_ways, through_flowrun

RATES = (*[0.24] * 9, *[0.075] * 14, *[0.04] * 14, *[0.009] * 21, *[0.0] * 42)
WRONG, OTHERS = 0.15, 40
CAPS = (5, 20, 100)


def puzzles(times: int, samples: int, seed: int) -> list[Question]:
    rng = random.Random(f"{seed} puzzles")
    return [Question([_sample(rng, rate) for _ in range(samples)], "right") for _ in range(times) for rate in RATES]


def _sample(rng: random.Random, rate: float) -> str:
    drawn = rng.random()
    if drawn < rate:
        return "right"
    return "the usual wrong one" if drawn < rate + WRONG else f"wrong {rng.randrange(OTHERS)}"


def until_by_hand(question: Question, most: int, launch: str) -> tuple[bool, int]:
    """Tell whether one of the samples passes, and how many are asked, one by one or in waves of 1, 1, 2, 4, 8."""
    wave = asked = 0
    while asked < most:
        wave = 1 if launch == "cost" else max(1, asked)
        before, asked = asked, min(most, asked + wave)
        if normal(question.gold) in map(ballot, question.votes[before:asked]):
            return True, asked
    return False, asked


def until_by_sums(rate: float, most: int, launch: str) -> tuple[float, float]:
    """The probability that one of the samples must pass, and the mean number of those that are asked."""
    calls, asked = 0.0, 0
    while asked < most:
        wave = min(most - asked, 1 if launch == "cost" else max(1, asked))
        calls += (1 - rate) ** asked * wave
        asked += wave
    return 1 - (1 - rate) ** most, calls


def until_through_flowrun(questions: Sequence[Question], most: int, launch: str, seed: int) -> Ran:
    body = (
        f'repeat 1..{most} {{ ask "voter {{{{ q }}}}" -> text with seed: 1 }} '
        f'reduce first(if: result == "right") with launch: {launch}'
    )

    def answers(asked: Asked) -> str | None:
        return questions[asked.question].votes[asked.sample]

    return both_ways(f"until one of {most} passes", body, answers, len(questions), seed)


def passing(times: int, through: int, seed: int) -> list[str]:
    """Print the table by hand; ``through`` of the first hundred puzzles also go through flowrun. What is missed."""
    missed = []
    asked = puzzles(times, max(CAPS), seed)
    part = slice(0, len(RATES), len(RATES) // through)
    few = asked[part]
    print(f"{len(asked):,} puzzles; a sample is right in {100 * mean(RATES):.1f} % of the cases\n")
    print(f"{'':31} │ {'right %':>20} {'must be':>8} │ {'calls':>14} {'must be':>8} │ off")
    vote = [by_hand(ALL, one, max(CAPS)).winner == "right" for one in asked]
    most, far = max(CAPS), off(vote, 0.09)
    print(f"{f'a vote of {most}':31} │ {share(vote):>20} {9:8.1f} │ {most:14} {most:8} │ {far:3.1f}")
    if far > 4:
        missed.append("a vote of 100 is not right for 9 % of the puzzles")
    if through_flowrun(ALL, few, max(CAPS), seed).winners != [by_hand(ALL, one, max(CAPS)).winner for one in few]:
        missed.append("a vote of 100: flowrun differs from the replay by hand")
    for most in CAPS:
        for launch in ("cost", "latency"):
            hand = [until_by_hand(one, most, launch) for one in asked]
            sums = [until_by_sums(rate, most, launch) for rate in RATES]
            good, calls = mean([one for one, _ in sums]), mean([one for _, one in sums])
            found, took = [one for one, _ in hand], [one for _, one in hand]
            far = max(off(found, good), off(took, calls))
            name = f"until one of {most} passes, {launch}"
            print(f"{name:31} │ {share(found):>20} {100 * good:8.1f} │ {within(took):>14} {calls:8.2f} │ {far:3.1f}")
            ran = until_through_flowrun(few, most, launch, seed)
            if [winner == "right" for winner in ran.winners] != found[part] or ran.calls != took[part]:
                missed.append(f"{name}: flowrun differs from the replay by hand")
            if far > 4:
                missed.append(f"{name}: {far:.1f} standard errors off")
    if abs(100 * until_by_sums_of_all(max(CAPS)) - 49) > 1:
        missed.append("until one of 100 passes is not right for 49 % of the puzzles")
    return missed


def until_by_sums_of_all(most: int) -> float:
    return mean([until_by_sums(rate, most, "cost")[0] for rate in RATES])
