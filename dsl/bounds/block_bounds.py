"""The bounds of a fan-out and of a repeat. Their bodies run side by side or in waves, and then the reducer runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import plan as p
from .amounts import in_all
from .block_ends import ended, feed_of
from .bound import Bound
from .expression_sizes import SizeScope
from .losses import (
    ballots,
    failing_block,
    first_of_all,
    hollow_results,
    may_be_refused,
    needs_one,
    shorter,
    some_of,
)
from .rounds import Rounds, all_of
from .sizes import NONE, Many, Size, listed, one_of, record
from .survey import BlockBounds, BodyBounds, Done, Survey, spec_of, votes_in
from .vote_averages import constants, expected_of, expected_search
from .waves import sampling

MOST_SAMPLES = 1000
"""The most samples whose values are kept apart."""


def fanned(survey: Survey, step: p.Step, node: p.Fanout, scope: SizeScope, sharing: bool) -> Done:
    spec = spec_of(survey, node.reduce)
    spares = spec is not None and spec.spares
    inner = SizeScope(scope)
    body = survey.body(node.body, inner, vote=votes_in(survey, node), sharing=sharing)
    branches = {branch.name: inner.size(branch.name) for branch in node.body.steps}
    each = [_branch(body.steps[branch.name]) for branch in node.body.steps]
    amounts, rounds = body.amounts, body.rounds
    if spec is not None and spares:
        # A vote over branches asks all of them, and a race ends with its first result.
        runs = len(each) if spec.votes else 1
        sure = ballots(node.reduce, runs)
        whole = in_all(branch.amounts for branch in each)
        amounts = some_of(whole, each, runs, sure, apart=True, sharing=sharing, answered=False)
        rounds = _spared(each, all_run=spec.votes)
    hollow = not spares and step.options.get("errors") == p.Constant("none")
    hollow = hollow and any(branch.failing is not None for branch in each)
    if hollow:
        whole = in_all(branch.amounts for branch in each)
        amounts = some_of(whole, each, len(each), 0, apart=True, sharing=sharing, answered=False)
        rounds = all_of([shorter(branch) for branch in each], certain=True)
        branches = {
            name: value if one.failing is None else one_of([value, NONE])
            for (name, value), one in zip(branches.items(), each, strict=True)
        }
    count = Bound(_present(node.reduce, each) if hollow else len(each), len(each))
    soonest = first_of_all(each, lost=spares or hollow)
    parts = BlockBounds(
        "fanout", amounts, rounds, record(branches), count, body.inside, soonest, len(each), loses=hollow
    )
    given = {**branches, "results": listed([*branches.values()])}
    done = ended(survey, step, node.reduce, parts, scope, given, sharing)
    feed = (
        feed_of(node.reduce, each, sure=True, steady=False, fails=not hollow) if node.reduce.rule == "flatten" else None
    )
    empty = may_be_refused(spec, node.reduce, len(each), len(each))
    failing = failing_block(step, node.reduce, each, spared=spares or hollow, empty=empty, loses=hollow)
    return replace(done, failing=failing, feed=feed)


def _present(reduce: p.Reduce, branches: Sequence[BodyBounds]) -> int:
    """Return the least number of results that a reducer gets from branches that may be empty."""
    if hollow_results(reduce):
        return len(branches)
    sure = sum(branch.failing is None for branch in branches)
    return max(sure, 1) if needs_one(reduce) else sure


def _branch(done: Done) -> BodyBounds:
    return BodyBounds((), done.amounts, done.rounds, done.value, done.failing, done.feed)


def _spared(branches: Sequence[BodyBounds], *, all_run: bool) -> Rounds:
    """Return the rounds of branches if some of them may fail and at least one gives a result."""
    rounds = all_of([shorter(branch) for branch in branches], certain=all_run)
    return rounds.at_least(first_of_all(branches, lost=False))


def repeated(survey: Survey, step: p.Step, node: p.Repeat, scope: SizeScope) -> Done:
    if node.over is not None:
        from .panel_bounds import panelled  # few repeats are panels

        return panelled(survey, step, node, scope)
    spec = spec_of(survey, node.reduce)
    votes, spares = votes_in(survey, node), spec is not None and spec.spares
    body = survey.body(node.body, SizeScope(scope), vote=votes, sharing=True)
    launch, samples, waves = sampling(survey, step, node, scope)
    number = str(node.most) if node.least == node.most else f"{node.least} to {node.most}"
    if votes or node.most > MOST_SAMPLES:
        results: Size = Many(samples, body.value)
    else:
        results = listed([body.value] * node.most)
    amounts, rounds, soonest = body.amounts.sampled(samples), body.rounds, body.rounds
    if spares and body.failing is not None:
        runs = int(samples.least)
        sure = ballots(node.reduce, runs)
        amounts = some_of(amounts, [body], runs, sure, apart=False, sharing=True, answered=not launch.together)
        amounts = replace(amounts, shared_input=0, shared_cost=0)
        rounds = soonest = shorter(body)
    rounds = rounds.so_often(node.most).in_waves(waves, soonest)
    if spares and samples.least:
        rounds = rounds.at_least(body.rounds)
    parts = BlockBounds(
        f"repeat {number}",
        amounts,
        rounds,
        results,
        samples,
        body.inside,
        body.rounds,
        node.most,
        expected_search(survey, spec, (node.least, node.most), launch.word, body.amounts)
        if node.reduce.searches
        else expected_of(
            survey, spec, (node.least, node.most), constants(node.reduce), body.amounts, cheap=launch.cheap
        ),
    )
    done = ended(survey, step, node.reduce, parts, scope, {"results": results}, True)
    feed = feed_of(node.reduce, [body], sure=node.most > 0, steady=True, fails=True)
    empty = node.most == 0 or may_be_refused(spec, node.reduce, node.least, node.most)
    failing = failing_block(step, node.reduce, [body], spared=spares, empty=empty, loses=False)
    return replace(done, failing=failing, feed=feed)
