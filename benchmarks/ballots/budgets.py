"""A budget over a hundred votes is spent on the first that come, or where a vote is open most."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from .files import Question
from .means import mean, within
from .replay import by_hand
from .rules import AHEAD_2
from .through import Asked, staged

EASE = (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55)
QUESTIONS, WRONG, MOST = 100, 2, 9
AT_ONCE = 64
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


def through_flowrun(questions: Sequence[Question], budget: int, at_once: int) -> tuple[int, int]:
    """The right answers and the calls of a run."""
    body = (
        f'repeat 1..{MOST} {{ ask "voter {{{{ q }}}}" -> text with seed: 1 }} '
        f"reduce {AHEAD_2.text.rstrip(')')}, undecided: first)"
    )

    def answers(asked: Asked) -> str | None:
        return questions[asked.question].votes[asked.sample]

    ran = staged(body, answers, len(questions), lambda: 1.0, f"budget {budget} calls", at_once)
    return sum(winner == "right" for winner in ran.winners), sum(ran.calls)


def budgets(seeds: int, seed: int) -> list[str]:
    """Print the table; what is missed. One call at a time, flowrun must equal the replay by hand."""
    missed = []
    print(f"{QUESTIONS} questions, votes by ahead(2) of at most {MOST}; {seeds} sets of questions\n")
    print(
        f"{'budget':>8} │ {'in order, right':>16} {'calls':>7} │ {'by need, right':>16} {'calls':>7} │ "
        f"{f'flowrun, {AT_ONCE} at once':>22} {'calls':>7}"
    )
    for budget in BUDGETS:
        sets = list(_sets(seeds, seed))
        first = [in_order(asked, budget) for asked in sets]
        need = [by_need(asked, budget) for asked in sets]
        ran = [through_flowrun(asked, budget, AT_ONCE) for asked in sets]
        columns = zip((first, need, ran), (16, 16, 22), strict=True)
        cells = (
            f"{within([right for right, _ in rows], digits=1):>{wide}} {mean([calls for _, calls in rows]):7.1f}"
            for rows, wide in columns
        )
        print(f"{budget:8,} │ {' │ '.join(cells)}")
        for what, rows in (("by hand", need), ("of flowrun", ran)):
            if mean([right for right, _ in rows]) < GOAL.get(budget, 0):
                missed.append(f"a budget of {budget} calls {what}: less than {GOAL[budget]} are right")
            if max(calls for _, calls in rows) > budget:
                missed.append(f"a budget of {budget} calls {what}: more are made")
        if budget == max(BUDGETS) and not first == need == ran:
            missed.append("with enough budget the ways differ")
        if [through_flowrun(asked, budget, 1) for asked in sets] != need:
            missed.append(f"a budget of {budget} calls, one at a time: flowrun differs from the replay by hand")
    return missed


def _sets(seeds: int, seed: int) -> Iterator[list[Question]]:
    return (hundred(seed * 1_000 + number) for number in range(seeds))
