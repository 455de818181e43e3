"""Cascades over recorded ballots of a cheap model, or of several, and of a dear one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .cascades import Cascade, Went, all_by_hand, same_as_by_hand
from .files import Question, fewest
from .means import share, within
from .replay import ballot, normal
from .rules import AHEAD_2, AHEAD_3, ALL
from .voters import DEAR


def of_files(voters: Mapping[str, Sequence[Question]], most: int | None) -> list[Cascade]:
    """The cascades that the files have ballots for: each cheap voter alone, and all of them in turn."""
    cheap = tuple(name for name in voters if name != DEAR)
    ways = [(name,) for name in cheap] + ([cheap] if len(cheap) > 1 else [])
    made = []
    for way in ways:
        here = min(len(way) * min(fewest(voters[name]) for name in way), most or 9, 9)
        name = " and ".join(way)
        made += [Cascade(f"{name}: {n} alike", way, ALL, n, n, 1.0) for n in (2, 3, 4) if n <= here]
        for rule in (AHEAD_2, AHEAD_3):
            lead = int(rule.name[6])
            if lead < here:
                made.append(Cascade(f"{name}: {rule.name} of {here}", way, rule, lead, here, 0.7))
    return made


def strong(voters: Mapping[str, Sequence[Question]], most: int | None, price: float, seed: int) -> bool:
    """Print the table; whether all is as it is by hand. ``price`` is that of a dear token, or of a dear answer."""
    dear = voters[DEAR]
    says = [ballot(question.votes[0]) for question in dear]
    right = [vote == normal(question.gold) for vote, question in zip(says, dear, strict=True)]
    sized = all(question.tokens for rows in voters.values() for question in rows)
    what = "token" if sized else "answer"
    print(f"cascades: a dear {what} costs {price:g} cheap ones; the dear model alone is right in {share(right)} %\n")
    print(f"{'':32} │ {'right %':>22} │ {'as the dear one %':>22} │ {'cost %':>14} │ {'went up %':>22}")
    same = True
    for cascade in of_files(voters, most):
        hand = all_by_hand(cascade, voters)
        good = [one.winner == normal(question.gold) for one, question in zip(hand, dear, strict=True)]
        alike = [one.winner == vote for one, vote in zip(hand, says, strict=True)]
        sizes = [_size(cascade, voters, at, one, sized=sized) for at, one in enumerate(hand)]
        whole = sum(question.tokens[0] if sized else 1 for question in dear) * price / len(dear)
        cost = [(low + high * price) / whole for low, high in sizes]
        exact = same_as_by_hand(cascade, voters, seed)
        same = same and exact
        print(
            f"{cascade.name:32} │ {share(good):>22} │ {share(alike):>22} │ {within(cost, 100, 1):>14} │ "
            f"{share([DEAR in one.calls for one in hand]):>22}{'' if exact else '  differs'}"
        )
    return same


def _size(
    cascade: Cascade, voters: Mapping[str, Sequence[Question]], at: int, one: Went, *, sized: bool
) -> tuple[float, float]:
    """The size of the cheap answers to a question, and of the dear one."""
    low = sum(sum(voters[name][at].tokens[: one.calls[name]]) if sized else one.calls[name] for name in cascade.voters)
    return low, (voters[DEAR][at].tokens[0] if sized else 1) * one.calls[DEAR]
