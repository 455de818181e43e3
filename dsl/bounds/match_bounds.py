"""The bounds of a match. One branch runs: the least is that of the cheapest branch, the most that of the dearest."""

from __future__ import annotations

from functools import reduce

from .. import plan as p
from ..ballots import holds_ballots
from .amounts import Amounts, Bounds, bounds_for
from .expression_sizes import SizeScope
from .losses import may_fail
from .order import kind_of
from .rounds import Rounds, one_of
from .sizes import Known
from .sizes import one_of as any_value
from .survey import Done, FeedRounds, Least, Survey


def matched(survey: Survey, step: p.Step, node: p.Match, scope: SizeScope, *, vote: bool, sharing: bool) -> Done:
    """Return the bounds of a match. If the value is known before the run, only its branch counts."""
    value = survey.size(node.value, scope)
    inner = SizeScope(scope)
    body = survey.body(node.body, inner, vote=holds_ballots(node, votes=False, around=vote), sharing=sharing)
    open_ = _open(node, value.value) if isinstance(value, Known) else range(len(node.classes))
    steps = [node.body.steps[place] for place in open_]
    branches = [body.steps[one.name] for one in steps]
    rows = tuple(
        body.steps[one.name].bounds
        if one in steps
        else Bounds(one.title, f"{kind_of(one.node)}, not needed", line=one.line)
        for one in node.body.steps
    )
    if not branches:
        # The run fails here, because no branch is for the value.
        return Done(Bounds(step.title, "match", inside=rows, line=step.line), Amounts(), Rounds(), body.value, Least())
    amounts = reduce(Amounts.__or__, [one.amounts for one in branches])
    rounds = one_of(one.rounds for one in branches)
    feed = None
    if any(one.feed is not None for one in branches):
        first = one_of(one.rounds if one.feed is None else one.feed.rounds for one in branches)
        feed = FeedRounds(first, all(one.feed is not None and one.feed.steady for one in branches))
    failures = [one.failing for one in branches if one.failing is not None]
    failing = reduce(Least.__or__, failures) if failures else None
    if "timeout" in step.options or may_fail(node.value):
        failing = Least()
    row = bounds_for(step.title, "match", amounts, rounds.queued(amounts.calls), inside=rows, line=step.line)
    return Done(row, amounts, rounds, any_value(one.value for one in branches), failing, feed)


def _open(node: p.Match, value: object) -> list[int]:
    """Return the places of the branches that can run for a value: one, or none if no branch is for it."""
    for place, one in enumerate(node.classes):
        if not one.rest and type(one.value) is type(value) and one.value == value:
            return [place]
    return [place for place, one in enumerate(node.classes) if one.rest]
