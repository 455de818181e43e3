"""The bounds of a map. It has a body for each element, or one body that stands for all elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import plan as p
from .. import types as t
from ..catalog import ReducerSpec
from ..records import dataclass
from .amounts import Amounts, merged
from .ask_bounds import quoted
from .block_ends import ended, feed_of
from .body_shapes import BodyShapes
from .bound import Bound
from .expression_sizes import SizeScope
from .losses import (
    ballots,
    failing_block,
    first_of_all,
    hollow_results,
    may_be_refused,
    needs_one,
    share_of,
    shorter,
    some_of,
)
from .rounds import Rounds, all_of
from .sizes import NONE, Known, Many, Size, Some, is_counted, items_of, listed, one_of
from .survey import BlockBounds, BodyBounds, Done, Survey, spec_of, votes_in
from .vote_averages import constants, expected_of
from .waves import LaunchMode, launch_of, waves_of

_PLACE = Some(t.INT, Bound(1, 20))
"""The size of a place that is not known: no list has more elements than 20 digits can count."""


@dataclass(frozen=True, slots=True)
class _Elements:
    """The elements of a map: their number, and for each the sizes of its names and whether it certainly runs.

    If they are not ``apart``, one element stands for all, because they are not known or too many. ``over`` says that
    there may be more elements than the map's `at most`.
    """

    count: Bound
    items: list[tuple[dict[str, Size], bool]]
    apart: bool
    over: bool


@dataclass(frozen=True, slots=True)
class _Fates:
    """The outcome of a map's elements: at least ``runs`` of them run, and at least ``sure`` of these have a result.

    ``results`` bounds the number of results. ``loses`` says that the map goes on without a failed element. ``hollow``
    says that a failed element leaves an empty place.
    """

    runs: int
    sure: int
    results: Bound
    loses: bool = False
    hollow: bool = False


def mapped(survey: Survey, step: p.Step, node: p.Map, scope: SizeScope, sharing: bool) -> Done:
    reduce = node.reduce
    spec = spec_of(survey, reduce)
    votes, spares = votes_in(survey, node), spec is not None and spec.spares
    found = _elements(survey, step, node, scope)
    bodies, apart = _bodies(survey, node, scope, found, vote=votes, sharing=sharing)
    launch = launch_of(survey, step, scope, votes=votes or reduce.searches, exact=True)
    fates = _fates(survey, step, reduce, spec, launch, scope, found.count, bodies)
    running = Bound(fates.runs, found.count.most, found.count.why)
    lossy = fates.loses or (spares and any(body.failing is not None for body in bodies))
    waves = waves_of(survey, step, scope, running, None if launch.eager else fates.runs)
    rounds, soonest = _rounds(bodies, fates, running, waves, apart=apart, all_run=not spares, lossy=lossy)
    taken = _taken(step, node, spec, scope)
    if taken is not None:
        tail = first_of_all(bodies, lost=lossy).shortest if bodies else 0
        ends = scope.feeds(taken) and node.where is None and fates.runs > 0
        rounds, soonest = rounds.taking(taken, tail if ends else 0), soonest.taking(taken)
    answered = votes and not launch.together
    amounts = _amounts(bodies, fates, running, apart=apart, sharing=sharing, lossy=lossy, answered=answered)
    elements = int(found.count.least) if found.count.least == found.count.most else None
    times = f" × {elements:,}" if elements is not None else ""
    results = _results(found, bodies, fates, apart=apart)
    parts = BlockBounds(
        f"map {node.element}{times}",
        amounts,
        rounds,
        results,
        fates.results,
        survey.tree(bodies),
        soonest,
        elements,
        expected_of(survey, spec, (elements, elements), constants(reduce), bodies[0].amounts, cheap=True)
        if elements and bodies
        else None,
        fates.loses,
    )
    done = ended(survey, step, reduce, parts, scope, {"results": results}, sharing)
    sure = found.count.least > 0
    feed = feed_of(reduce, bodies, sure=sure, steady=not fates.loses or fates.hollow, fails=not fates.loses)
    if feed is not None:
        feed = replace(feed, rounds=feed.rounds.taking(taken))
    spared = spares or (fates.loses and share_of(step.options.get("errors")) == 1)
    hopeless = not sure or found.over or may_be_refused(spec, reduce, int(found.count.least), int(found.count.least))
    failing = failing_block(step, reduce, bodies, spared=spared, empty=hopeless, loses=fates.loses)
    return replace(done, failing=failing, feed=feed, taken=taken)


def _fates(
    survey: Survey, step: p.Step, reduce: p.Reduce, spec: ReducerSpec | None, launch: LaunchMode, scope: SizeScope,
    count: Bound, bodies: Sequence[BodyBounds],
) -> _Fates:  # fmt: skip
    number = int(count.least)
    if spec is not None and (spec.spares or reduce.searches):
        fewest = min(number, spec.fewest(number, number, constants(reduce))) if number else 0
        runs = number if launch.together else fewest
        return _Fates(runs, ballots(reduce, runs), count)
    errors = step.options.get("errors")
    policy = survey.size(errors, scope) if errors is not None and not isinstance(errors, p.RuleOf) else None
    if errors is None or policy == Known("fail") or all(body.failing is None for body in bodies):
        return _Fates(number, number, count)
    hollow = policy == Known("none")
    sure = number - int(number * share_of(errors) + 1e-9)
    if hollow and hollow_results(reduce):
        return _Fates(number, sure, count, loses=True, hollow=True)
    if needs_one(reduce):
        sure = max(sure, min(1, number))
    return _Fates(number, sure, Bound(sure, count.most, count.why), loses=True, hollow=hollow)


def _amounts(
    bodies: Sequence[BodyBounds],
    fates: _Fates,
    running: Bound,
    *,
    apart: bool,
    sharing: bool,
    lossy: bool,
    answered: bool,
) -> Amounts:
    if not bodies:
        return Amounts()
    if apart:
        amounts = merged([body.amounts for body in bodies], fates.runs, sharing=sharing)
    else:
        amounts = bodies[0].amounts.alike(running, sharing=sharing)
    if not lossy:
        return amounts
    return some_of(amounts, bodies, fates.runs, fates.sure, apart=apart, sharing=sharing, answered=answered)


def _rounds(
    bodies: Sequence[BodyBounds],
    fates: _Fates,
    running: Bound,
    waves: Bound,
    *,
    apart: bool,
    all_run: bool,
    lossy: bool,
) -> tuple[Rounds, Rounds]:
    """Return the rounds until all bodies have ended, and the rounds until the first result."""
    if not bodies:
        return Rounds(), Rounds()
    each = [shorter(body) if lossy else body.rounds for body in bodies]
    any_one, won = all_of(each, certain=False), first_of_all(bodies, lost=False)
    rounds = all_of(each, certain=all_run) if apart else each[0].so_often(running.most)
    if not apart and not fates.runs:
        rounds, any_one, won = rounds.maybe, any_one.maybe, won.maybe
    rounds = rounds.in_waves(waves, any_one)
    if not fates.sure:
        return rounds, won.maybe
    return rounds.at_least(won) if waves.least else rounds, won


def _results(found: _Elements, bodies: Sequence[BodyBounds], fates: _Fates, *, apart: bool) -> Size:
    values = [one_of([body.value, NONE]) if fates.hollow else body.value for body in bodies]
    exact = apart and found.count.least == len(found.items)
    if exact and (fates.hollow or not fates.loses):
        return listed(values)
    return Many(found.count if fates.hollow else fates.results, one_of(values or [NONE]))


def _taken(step: p.Step, node: p.Map, spec: ReducerSpec | None, scope: SizeScope) -> str | None:
    """Return the step whose list a map takes element by element.

    None if the map waits for the whole list, as a vote, a race and a map with a time-out do.
    """
    if node.whole or not isinstance(node.source, p.Ref) or "timeout" in step.options:
        return None
    if spec is not None and (spec.votes or spec.spares):
        return None
    return node.source.name if scope.feeds(node.source.name) is not None else None


def _bodies(
    survey: Survey, node: p.Map, scope: SizeScope, found: _Elements, *, vote: bool, sharing: bool
) -> tuple[list[BodyBounds], bool]:
    """Return a body for each element and True. If that is too much work, return one body for all elements and False."""

    shapes = BodyShapes(survey, node)

    def body(names: dict[str, Size], certain: bool) -> BodyBounds:
        made = shapes.body(SizeScope(scope, names), vote=vote, sharing=sharing)
        return made if certain else replace(made, amounts=made.amounts.maybe, rounds=made.rounds.maybe)

    bodies: list[BodyBounds] = []
    for place, (item, certain) in enumerate(found.items, 1):
        before = survey.effort.spent
        bodies.append(body(item, certain))
        # Maps inside this map multiply the work; the size of the work is known only after the first body.
        left = len(found.items) - place
        if found.apart and not survey.effort.affords(node.body, left, spent=survey.effort.spent - before):
            return [body(_any(node, found.items), True)], False
    return bodies, found.apart


def _elements(survey: Survey, step: p.Step, node: p.Map, scope: SizeScope) -> _Elements:
    source = survey.size(node.source, scope)
    count, items = items_of(source)
    if not is_counted(source):
        if step.name in survey.given_sizes:
            count = Bound(survey.given_sizes[step.name], survey.given_sizes[step.name])
        elif node.where is not None:
            count = count.maybe
        over = node.at_most is not None and (count.most is None or count.most > node.at_most)
        count = count.capped(node.at_most)
        if count.most is None:
            count = Bound(count.least, None, count.why or f"the list of {quoted(step.title)} has no bound")
        return _Elements(count, [(_named(node, one_of(items), None), True)] if items else [], False, over)
    found = []
    for place, item in enumerate(items, 1):
        names = _named(node, item, place)
        held: Size = Known(True)
        if node.where is not None:
            held = survey.size(node.where, SizeScope(scope, names))
        if not isinstance(held, Known):
            found.append((names, False))
        elif held.value:
            found.append((names, True))
    whole = Bound(sum(certain for _, certain in found), len(found))
    count = whole.capped(node.at_most)
    over = count != whole
    if len(found) != count.most or not survey.effort.affords(node.body, len(found)):
        return _Elements(count, [(_any(node, found), True)] if found else [], False, over)
    return _Elements(count, found, True, over)


def _named(node: p.Map, item: Size, place: int | None) -> dict[str, Size]:
    """Return the sizes of the names that a map gives to its body. ``place`` is None if it is not known."""
    if node.index is None:
        return {node.element: item}
    return {node.element: item, node.index: _PLACE if place is None else Known(place)}


def _any(node: p.Map, found: Sequence[tuple[dict[str, Size], bool]]) -> dict[str, Size]:
    """Return the sizes that stand for all elements."""
    return _named(node, one_of([names[node.element] for names, _ in found]), None)
