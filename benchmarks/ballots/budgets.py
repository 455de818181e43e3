"""One budget over a hundred votes: first come, first served, or where a vote is open most."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from .files import Question
from .means import within
from .replay import by_hand
from .rules import AHEAD_2

EASE = (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55)
QUESTIONS, WRONG, MOST = 100, 2, 9
BUDGETS = (150, 200, 250, 300, 1_000)
GOAL = {200: 85}
"""So many of a hundred must be right for so many calls."""


def hundred(seed: int) -> list[Question]:
    """A hundred questions, with their samples; the two wrong answers of each are equally frequent."""
    rng = random.Random(f"{seed} hundred")
    order = [EASE[number % len(EASE)] for number in range(QUESTIONS)]
    rng.shuffle(order)
    return [Question([_sample(rng, ease) for _ in range(MOST)], "right") for ease in order]


def _sample(rng: random.Random, ease: float) -> str:
    return "right" if rng.random() < ease else f"wrong {rng.randrange(WRONG)}"


def in_order(questions: Sequence[Question], budget: int) -> tuple[int, int]:
    """The right answers and the calls if each vote takes what it wants, one question after another."""
    right = spent = 0
    for question in questions:
        vote = by_hand(AHEAD_2, question, MOST)
        if spent + vote.calls > budget:
            return right, budget
        spent += vote.calls
        right += vote.winner == "right"
    return right, spent


def by_need(questions: Sequence[Question], budget: int) -> tuple[int, int]:
    """The same if each question has a sample, and then the open vote with the smallest lead has the next one.

    Of equal leads the vote with the fewest samples comes first, and then the first one. Each open vote has its leader.
    """
    seen = [1] * len(questions)
    spent = len(questions)
    while spent < budget:
        leads = [_vote(question, count)[0] for question, count in zip(questions, seen, strict=True)]
        rows = enumerate(zip(leads, seen, strict=True))
        wanting = [(lead, count, at) for at, (lead, count) in rows if lead < 2 and count < MOST]
        if not wanting:
            break
        seen[min(wanting)[2]] += 1
        spent += 1
    return sum(_vote(question, count)[1] for question, count in zip(questions, seen, strict=True)), spent


def _vote(question: Question, seen: int) -> tuple[int, bool]:
    vote = by_hand(AHEAD_2, question, seen)
    return vote.margin, vote.winner == "right"


def budgets(seeds: int, seed: int) -> list[str]:
    """Print the table of a replay by hand; what is missed."""
    missed = []
    print(f"{QUESTIONS} questions, votes by ahead(2) of at most {MOST}; {seeds} sets of questions\n")
    print(f"{'budget':>8} │ {'in order, right':>16} {'calls':>7} │ {'by need, right':>16} {'calls':>7}")
    for budget in BUDGETS:
        rows = [(in_order(asked, budget), by_need(asked, budget)) for asked in _sets(seeds, seed)]
        first, need = [one for one, _ in rows], [one for _, one in rows]
        print(
            f"{budget:8,} │ {within([right for right, _ in first], digits=1):>16} "
            f"{sum(calls for _, calls in first) / seeds:7.1f} │ {within([right for right, _ in need], digits=1):>16} "
            f"{sum(calls for _, calls in need) / seeds:7.1f}"
        )
        if sum(right for right, _ in need) / seeds < GOAL.get(budget, 0):
            missed.append(f"a budget of {budget} calls: less than {GOAL[budget]} are right")
        if budget == max(BUDGETS) and first != need:
            missed.append("with enough budget the two ways differ")
    return missed


def _sets(seeds: int, seed: int) -> Iterator[list[Question]]:
    return (hundred(seed * 1_000 + number) for number in range(seeds))
