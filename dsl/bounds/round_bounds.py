"""The bounds of a chain that runs again until a condition holds. At least one round runs, and at most all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from .. import plan as p
from .amounts import bounds_for, in_all
from .bound import Bound
from .expression_sizes import SizeScope
from .loads import so_often, together
from .losses import least_of, may_fail
from .rounds import all_of
from .sizes import NONE, Size, Some, key_of, one_of
from .survey import BodyBounds, Done, Least, Survey


def in_rounds(survey: Survey, step: p.Step, node: p.Rounds, scope: SizeScope, *, vote: bool, sharing: bool) -> Done:
    bodies = _bodies(survey, step, node, scope, vote=vote, sharing=sharing)
    # The last body stands for all rounds from its own on.
    more = node.most - len(bodies) + 1
    first, *later = bodies
    amounts = in_all([first.amounts, *(body.amounts * Bound(0, more if body is later[-1] else 1) for body in later)])
    rounds = all_of([body.rounds for body in bodies], certain=False).in_waves(Bound(1, node.most), first.rounds)
    last = so_often(later[-1].rounds.loads, more)
    loads = together([*(body.rounds.loads for body in bodies[:-1]), last])
    rounds = replace(rounds.at_least(first.rounds), loads=loads)
    row = bounds_for(
        step.title,
        f"chain up to {node.most}",
        amounts,
        rounds.queued(amounts.calls),
        elements=node.most,
        inside=survey.tree(bodies),
        line=step.line,
    )
    value = one_of([body.value for body in bodies])
    return Done(row, amounts, rounds, value, _failing(step, node, bodies, more))


def _bodies(
    survey: Survey, step: p.Step, node: p.Rounds, scope: SizeScope, *, vote: bool, sharing: bool
) -> list[BodyBounds]:
    """Return the bounds of the rounds in their order, up to the first whose value is as large as that before.

    All rounds behind it are like it.
    """

    def body(last: Size) -> BodyBounds:
        return survey.body(node.body, SizeScope(scope, {"last": last}), vote=vote, sharing=sharing)

    before = survey.effort.spent
    bodies = [body(NONE)]
    if not survey.effort.affords(node.body, node.most, spent=survey.effort.spent - before):
        why = f"the value of `{step.title}` grows with each round"
        return [*bodies, body(Some(step.type, Bound(0, None, why)))]
    while len(bodies) < node.most and (len(bodies) < 2 or key_of(bodies[-1].value) != key_of(bodies[-2].value)):
        bodies.append(body(bodies[-1].value))
    return bodies


def _failing(step: p.Step, node: p.Rounds, bodies: list[BodyBounds], more: int) -> Least | None:
    """Return the least that the rounds take if they fail. None if they cannot fail."""
    if "timeout" in step.options:
        return Least()
    ways: list[Least] = []
    spent = Least()
    for body in bodies:
        if body.failing is not None:
            ways.append(spent + body.failing)
        spent = spent + least_of(body.amounts)
        if any(may_fail(expr) for expr in node.ends):
            ways.append(spent)
    if node.otherwise == "fail":
        each = least_of(bodies[-1].amounts)
        ways.append(sum([each] * (more - 1), spent))
    return reduce(Least.__or__, ways) if ways else None
