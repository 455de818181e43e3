"""The bounds of a cascade. The least is its first stage alone, and the most is the sum of all stages."""

from __future__ import annotations

from dataclasses import replace

from .. import plan as p
from ..ballots import holds_ballots
from .amounts import Amounts, Bounds, bounds_for, in_all
from .expression_sizes import SizeScope, StageScope
from .loads import together
from .losses import least_of, lowered, may_fail
from .rounds import START, Rounds
from .sizes import one_of
from .survey import BodyBounds, Done, Least, Survey


def staged(survey: Survey, step: p.Step, node: p.Cascade, scope: SizeScope, *, vote: bool, sharing: bool) -> Done:
    ballots = holds_ballots(node, votes=False, around=vote)
    body = survey.body(node.body, StageScope(scope), vote=ballots, sharing=sharing)
    stages = [body.steps[one.name] for one in node.body.steps]
    amounts = in_all([_first(stages[0]), *(one.amounts.maybe for one in stages[1:])])
    rounds = _in_a_row(stages)
    row = bounds_for(
        step.title,
        "cascade",
        amounts,
        rounds.queued(amounts.calls),
        inside=(stages[0].bounds, *(_if_needed(one) for one in stages[1:])),
        line=step.line,
    )
    return Done(row, amounts, rounds, one_of([one.value for one in stages]), _failing(step, node, stages))


def _first(done: Done) -> Amounts:
    """Return the amounts of the first stage. The cascade also goes on if it fails."""
    return lowered(BodyBounds((), done.amounts, done.rounds, done.value, done.failing), answered=True)


def _if_needed(done: Done) -> Bounds:
    row, amounts = done.bounds, done.amounts.maybe
    return bounds_for(
        row.title,
        f"{row.what}, if needed",
        amounts,
        done.rounds.maybe.queued(amounts.calls),
        elements=row.elements,
        inside=row.inside,
        line=row.line,
    )


def _in_a_row(stages: list[Done]) -> Rounds:
    """Return the rounds of all stages one after another, of which perhaps only the first runs."""
    first = stages[0].rounds
    shortest = first.shortest if stages[0].failing is None else min(first.shortest, 1)
    most: dict[str, float] = {START: 0}
    for one in stages:
        each = one.rounds.most.get(START, 0)
        most = {name: way + each for name, way in most.items()}
        for name, way in one.rounds.most.items():
            most[name] = max(most.get(name, 0), way)
    why = next((one.rounds.why for one in stages if one.rounds.why), "")
    least = {**(first.least if stages[0].failing is None else {}), START: shortest}
    return replace(first, least=least, most=most, why=why, loads=together([one.rounds.loads for one in stages]))


def _failing(step: p.Step, node: p.Cascade, stages: list[Done]) -> Least | None:
    """Return the least that the cascade takes if it fails. None if it cannot fail."""
    if "timeout" in step.options:
        return Least()
    if stages[0].failing is not None:
        return stages[0].failing
    later = any(one.failing is not None for one in stages[1:])
    later = later or any(one.when is not None and may_fail(one.when) for one in node.body.steps)
    return least_of(stages[0].amounts) if later else None
