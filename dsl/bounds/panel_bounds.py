"""The bounds of a panel: a repeat whose sample i takes item i mod n of a list.

If the items are known, each sample has the bounds of its own item. If they are not, one body stands for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor

from .. import plan as p
from ..catalog import ReducerSpec
from .amounts import Amounts, Bounds, Expected, in_all
from .block_ends import ended, feed_of
from .bound import Bound
from .expression_sizes import SizeScope
from .losses import ballots, failing_block, first_of_all, may_be_refused, shorter, some_of
from .rounds import Rounds, all_of
from .sizes import NONE, Many, Size, is_counted, items_of, listed, one_of
from .survey import BlockBounds, BodyBounds, Done, Least, Survey, spec_of, votes_in
from .vote_averages import constants, expected_of, expected_search
from .waves import LaunchMode, sampling

MOST_SAMPLES = 1000
"""The most samples that are kept apart."""


def panelled(survey: Survey, step: p.Step, node: p.Repeat, scope: SizeScope) -> Done:
    spec, votes = spec_of(survey, node.reduce), votes_in(survey, node)
    number = str(node.most) if node.least == node.most else f"{node.least} to {node.most}"
    what = f"repeat {number} over {node.element}"
    items, known = _items(survey, node, scope)
    if not items:
        # A panel without items fails before its first call.
        return _nothing(step, what)
    bodies = [
        survey.body(node.body, SizeScope(scope, {node.element or "": item}), vote=votes, sharing=True) for item in items
    ]
    launch, samples, waves = sampling(survey, step, node, scope)
    spares = spec is not None and spec.spares and any(body.failing is not None for body in bodies)
    amounts = _amounts(bodies, node, samples, known=known, spares=spares, answered=not launch.together)
    rounds, soonest = _rounds(bodies, node, samples, waves, spares=spares)
    parts = BlockBounds(
        what,
        replace(amounts, shared_input=0, shared_cost=0),
        rounds,
        _results(bodies, node, samples, apart=known and not votes),
        samples,
        survey.tree(bodies),
        soonest,
        node.most,
        _expected(survey, spec, node, constants(node.reduce), bodies, launch),
    )
    done = ended(survey, step, node.reduce, parts, scope, {"results": parts.results}, True)
    feed = feed_of(node.reduce, bodies, sure=node.most > 0, steady=True, fails=True)
    empty = not known or may_be_refused(spec, node.reduce, node.least, node.most)
    whole = spec is not None and spec.spares
    failing = failing_block(step, node.reduce, bodies, spared=whole, empty=empty, loses=False)
    return replace(done, failing=failing, feed=feed)


def _nothing(step: p.Step, what: str) -> Done:
    return Done(Bounds(step.title, what, line=step.line), Amounts(), Rounds(), NONE, Least())


def _items(survey: Survey, node: p.Repeat, scope: SizeScope) -> tuple[list[Size], bool]:
    """Return the items that samples take, and True if each has a size of its own."""
    assert node.over is not None
    over = survey.size(node.over, scope)
    found = list(items_of(over)[1])
    if not is_counted(over):
        return found or [NONE], False
    taken = found[: node.most]
    if node.most > MOST_SAMPLES or not survey.effort.affords(node.body, len(taken)):
        return [one_of(taken)], False
    return taken, True


def _times(items: int, item: int, samples: float) -> int:
    """Return how many of the first samples take an item."""
    return (int(samples) - item + items - 1) // items


def _amounts(
    bodies: Sequence[BodyBounds], node: p.Repeat, samples: Bound, *, known: bool, spares: bool, answered: bool
) -> Amounts:
    number = len(bodies)
    each = [
        body.amounts.alike(Bound(_times(number, place, samples.least), _times(number, place, node.most)), sharing=True)
        for place, body in enumerate(bodies)
    ]
    whole = in_all(each)
    if samples.least == node.most and not spares:
        return whole
    # A vote need not count the first samples, so its least is that of the cheapest.
    runs = int(samples.least)
    sure = ballots(node.reduce, runs) if spares else runs
    if not known:
        return some_of(whole, bodies, runs, sure, apart=False, sharing=True, answered=answered)
    apart = [bodies[place % number] for place in range(node.most)]
    return some_of(whole, apart, runs, sure, apart=True, sharing=True, answered=answered)


def _rounds(
    bodies: Sequence[BodyBounds], node: p.Repeat, samples: Bound, waves: Bound, *, spares: bool
) -> tuple[Rounds, Rounds]:
    """Return the rounds until the panel ends, and until its first result."""
    number = len(bodies)
    each = [
        (shorter(body) if spares else body.rounds).so_often(_times(number, place, node.most))
        for place, body in enumerate(bodies)
    ]
    soonest = all_of(each, certain=False)
    rounds = all_of(each, certain=not spares and samples.least == node.most).in_waves(waves, soonest)
    if spares and samples.least:
        rounds = rounds.at_least(first_of_all(bodies, lost=False))
    return rounds, soonest


def _results(bodies: Sequence[BodyBounds], node: p.Repeat, samples: Bound, *, apart: bool) -> Size:
    if apart:
        return listed([bodies[place % len(bodies)].value for place in range(node.most)])
    return Many(samples, one_of([body.value for body in bodies]))


def _expected(
    survey: Survey,
    spec: ReducerSpec | None,
    node: p.Repeat,
    args: Mapping[str, object],
    bodies: Sequence[BodyBounds],
    launch: LaunchMode,
) -> Expected | None:
    """Return the average amounts of a vote. The samples take the items in turn, so the first ones count."""
    numbers, first = (node.least, node.most), bodies[0].amounts
    found = expected_of(survey, spec, numbers, args, first, cheap=launch.cheap)
    if node.reduce.searches:
        found = expected_search(survey, spec, numbers, launch.word, first)
    if found is None or len(bodies) == 1:
        return found
    whole, rest = floor(found.samples), found.samples % 1
    amounts = [bodies[place % len(bodies)].amounts for place in range(whole)]
    amounts.append(bodies[whole % len(bodies)].amounts * Bound(rest, rest))
    total = in_all(amounts)
    # An answer of a search is seldom malformed, so each call of a sample counts once.
    calls = (node.reduce.searches and total.calls.least) or total.calls.most or 0.0
    return replace(found, calls=calls, cost=total.cost)
