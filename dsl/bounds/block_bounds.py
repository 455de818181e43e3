"""What a fan-out and a repeat take: bodies side by side or in waves, and the reducer behind them."""

from __future__ import annotations

from .. import plan as p
from .expected import constants, expected_of
from .expression_sizes import Scope
from .reduction_bounds import combined
from .rounds import Rounds
from .sizes import Bound, Known, Many, Size, listed, record
from .survey import Done, Parts, Survey, spec_of, votes_in
from .waves import waves_of

MOST_SAMPLES = 1000
"""Samples whose values are kept apart."""


def fanned(survey: Survey, step: p.Step, node: p.Fanout, scope: Scope, sharing: bool) -> Done:
    inner = Scope(scope)
    body = survey.body(node.body, inner, vote=votes_in(survey, node), sharing=sharing)
    branches = {branch.name: inner.size(branch.name) for branch in node.body.steps}
    count = Bound(len(branches), len(branches))
    # Which branch is there first is not known.
    soonest = Rounds()
    parts = Parts("fanout", body.amounts, body.rounds, record(branches), count, body.inside, soonest, len(branches))
    return combined(
        survey, step, node.reduce, parts, scope, {**branches, "results": listed([*branches.values()])}, sharing
    )


def repeated(survey: Survey, step: p.Step, node: p.Repeat, scope: Scope) -> Done:
    spec = spec_of(survey, node.reduce)
    votes = votes_in(survey, node)
    body = survey.body(node.body, Scope(scope), vote=votes, sharing=True)
    launch = survey.size(step.options["launch"], scope) if "launch" in step.options else Known("cost")
    together = launch == Known("together")
    args = constants(node.reduce)
    fewest = node.most if spec is None or together else spec.fewest(node.least, node.most, args)
    samples = Bound(fewest, node.most)
    eager = not votes or together or (launch == Known("latency") and node.least == node.most)
    waves = waves_of(survey, step, scope, samples, None if eager else fewest)
    number = str(node.most) if node.least == node.most else f"{node.least} to {node.most}"
    if votes or node.most > MOST_SAMPLES:
        results: Size = Many(samples, body.value)
    else:
        results = listed([body.value] * node.most)
    parts = Parts(
        f"repeat {number}",
        body.amounts.sampled(samples),
        body.rounds.in_waves(waves, body.rounds),
        results,
        samples,
        body.inside,
        body.rounds,
        node.most,
        expected_of(survey, spec, (node.least, node.most), args, body.amounts, cheap=launch == Known("cost")),
    )
    return combined(survey, step, node.reduce, parts, scope, {"results": results}, True)
