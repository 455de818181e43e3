"""The bounds of a cascade. The least is its first stage, or stages that fail. The most is the sum of all stages.

The average takes each stage to be enough with the probability that a sample of a vote is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import plan as p
from ..ballots import holds_ballots
from .amounts import Amounts, Bounds, Expected, bounds_for, in_all
from .bound import NOTHING, Bound
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
    amounts = in_all([_first(stages), *(one.amounts.maybe for one in stages[1:])])
    rounds = _in_a_row(stages)
    row = bounds_for(
        step.title,
        "cascade",
        amounts,
        rounds.queued(amounts.calls),
        inside=(stages[0].bounds, *(_if_needed(one) for one in stages[1:])),
        line=step.line,
    )
    row = replace(row, expected=_expected(survey, node, stages))
    return Done(row, amounts, rounds, one_of([one.value for one in stages]), _failing(step, node, stages))


def _first(stages: Sequence[Done]) -> Amounts:
    """Return the amounts of the first stage. If it fails, the next one runs, whatever its condition says."""
    first, least = stages[0], least_of(stages[-1].amounts)
    for one in stages[-2:0:-1]:
        whole = least_of(one.amounts)
        least = whole if one.failing is None else whole | (one.failing + least)
    failing = None if first.failing is None else first.failing + least
    return lowered(BodyBounds((), first.amounts, first.rounds, first.value, failing), answered=True)


def _expected(survey: Survey, node: p.Cascade, stages: Sequence[Done]) -> Expected | None:
    """Return the average amounts of a cascade; None if there is no condition, or if a stage has no bound."""
    if not any(one.when is not None for one in node.body.steps):
        return None
    chance, ran, calls, cost = 1.0, 0.0, 0.0, NOTHING
    for step, done in zip(node.body.steps, stages, strict=True):
        if ran:
            # A stage without a condition is for failures alone.
            chance *= 0.0 if step.when is None else 1 - survey.right
        mean = done.bounds.expected
        each = _usual(done.amounts.calls) if mean is None else mean.calls
        if each is None:
            return None
        ran += chance
        calls += chance * each
        cost += (done.amounts.cost if mean is None else mean.cost) * Bound(chance, chance)
    return Expected(survey.right, ran, calls, cost)


def _usual(calls: Bound) -> float | None:
    """Return the calls of a stage whose answers all fit at once."""
    return calls.least or calls.most


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
