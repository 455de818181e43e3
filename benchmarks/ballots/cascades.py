"""Cascades: cheap voters answer where they agree, and a dear one where they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .files import Question, in_turn
from .means import share, wilson, within
from .replay import ballot, by_hand, normal
from .rules import AHEAD_2, ALL, Rule
from .through import Asked, Ran, both_ways, reducer
from .voters import DEAR, MIXES, made_voters, statistics

ALIKE, COST = 0.95, 0.25
"""The goal: so many of the cascade's answers are those of the dear model, for so much of its cost."""


@dataclass(frozen=True)
class Cascade:
    """A vote of voters in turn. The dear voter answers if the vote has no winner, or less agreement than ``below``."""

    name: str
    voters: tuple[str, ...]
    rule: Rule
    least: int
    most: int
    below: float


CASCADES = (
    Cascade("one voter, 2 alike", ("cheap",), ALL, 2, 2, 1.0),
    Cascade("two voters, alike", ("cheap", "other"), ALL, 2, 2, 1.0),
    Cascade("two voters, ahead(2) of 4", ("cheap", "other"), AHEAD_2, 2, 4, 0.7),
    Cascade("two voters, ahead(2) of 6", ("cheap", "other"), AHEAD_2, 2, 6, 0.6),
)
GOAL = CASCADES[2].name


@dataclass(frozen=True)
class Went:
    """The answer to one question, and the calls of each voter."""

    winner: str | None
    calls: Counter[str]


def went(cascade: Cascade, panel: Question, dear: Question) -> Went:
    """Replay a cascade by hand."""
    vote = by_hand(cascade.rule, panel, cascade.most, cascade.least)
    calls = Counter(cascade.voters[i % len(cascade.voters)] for i in range(vote.calls))
    if vote.winner is not None and vote.agreement >= cascade.below:
        return Went(vote.winner, calls)
    return Went(ballot(dear.votes[0]), calls + Counter({DEAR: 1}))


def all_by_hand(cascade: Cascade, voters: Mapping[str, Sequence[Question]]) -> list[Went]:
    panels = in_turn([voters[name] for name in cascade.voters], cascade.most)
    return [went(cascade, panel, dear) for panel, dear in zip(panels, voters[DEAR], strict=True)]


def cascade_through_flowrun(cascade: Cascade, voters: Mapping[str, Sequence[Question]], seed: int) -> Ran:
    samples = f"{cascade.least}..{cascade.most}" if cascade.rule.adaptive else str(cascade.most)
    body = (
        f"cascade {{ repeat {samples} over m in [{', '.join(cascade.voters)}] {{ "
        f'ask m "{{{{ m.name }}}} {{{{ q }}}}" -> text with seed: 1 }} reduce {reducer(cascade.rule, cascade.most)} '
        f'else ask dear "dear {{{{ q }}}}" -> text with seed: 1, retries: 0 when agreement < {cascade.below} }}'
    )

    def answers(asked: Asked) -> str | None:
        sample = 0 if asked.voter == DEAR else asked.sample // len(cascade.voters)
        return voters[asked.voter][asked.question].votes[sample]

    return both_ways(cascade.name, body, answers, len(voters[DEAR]), seed)


def same_as_by_hand(cascade: Cascade, voters: Mapping[str, Sequence[Question]], seed: int) -> bool:
    ran, hand = cascade_through_flowrun(cascade, voters, seed), all_by_hand(cascade, voters)
    winners = [None if winner is None else normal(winner) for winner in ran.winners]
    return winners == [one.winner for one in hand] and ran.of == [one.calls for one in hand]


def cascades(questions: int, through: int, seed: int) -> list[str]:
    """Print the table of made ballots by hand, the first ``through`` questions also through flowrun; what is missed."""
    missed = []
    for name, mix in MIXES.items():
        voters = made_voters(mix, questions, 3, seed)
        print(f"{name}: a dear answer costs {mix.price:g} cheap ones")
        for what, found in statistics(voters).items():
            print(f"  {what}: {100 * found:.1f} %")
        print(f"\n{'':27} │ {'right %':>22} │ {'as the dear one %':>22} │ {'cost %':>14} │ {'went up %':>22}")
        dear = [question.votes[0] for question in voters[DEAR]]
        print(f"{'the dear voter alone':27} │ {share([one == 'right' for one in dear]):>22}")
        for cascade in CASCADES:
            hand = all_by_hand(cascade, voters)
            alike = [one.winner == other for one, other in zip(hand, dear, strict=True)]
            cost = costs(hand, mix.price)
            print(
                f"{cascade.name:27} │ {share([one.winner == 'right' for one in hand]):>22} │ {share(alike):>22} │ "
                f"{within(cost, 100, 1):>14} │ {share([DEAR in one.calls for one in hand]):>22}"
            )
            few = {voter: rows[:through] for voter, rows in voters.items()}
            if not same_as_by_hand(cascade, few, seed):
                missed.append(f"{cascade.name}: flowrun differs from the replay by hand")
            if (name, cascade.name) == ("mixed", GOAL) and not reached(alike, cost):
                missed.append(f"{cascade.name}: less than {ALIKE:.0%} alike, or more than {COST:.0%} of the cost")
        print()
    return missed


def costs(hand: Sequence[Went], price: float) -> list[float]:
    """The cost of each question as a share of a dear answer."""
    return [one.calls[DEAR] + (one.calls.total() - one.calls[DEAR]) / price for one in hand]


def reached(alike: Sequence[bool], cost: Sequence[float]) -> bool:
    return wilson(alike)[0] >= ALIKE and sum(cost) / len(cost) <= COST
