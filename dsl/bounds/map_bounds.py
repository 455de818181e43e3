"""What a map takes: a body for each element, or one that stands for all."""

from __future__ import annotations

from .. import plan as p
from .amounts import Amounts, merged
from .asking import quoted
from .expected import constants, expected_of
from .expression_sizes import Scope
from .reduction_bounds import combined
from .rounds import Rounds, all_of
from .sizes import NONE, Bound, Known, Many, Size, is_counted, items_of, listed, one_of
from .survey import Body, Done, Parts, Survey, spec_of, votes_in
from .waves import waves_of


def mapped(survey: Survey, step: p.Step, node: p.Map, scope: Scope, sharing: bool) -> Done:
    spec = spec_of(survey, node.reduce)
    votes, spares = votes_in(survey, node), spec is not None and spec.spares
    count, items, apart = _elements(survey, step, node, scope)
    fewest = int(count.least)
    args = constants(node.reduce)
    if spec is not None:
        fewest = min(fewest, spec.fewest(fewest, fewest, args)) if fewest else 0
    running = Bound(fewest, count.most, count.why)
    bodies, apart = _bodies(survey, node, scope, items, apart=apart, vote=votes, sharing=sharing)
    values = [body.value for body in bodies]
    if apart:
        amounts = merged([body.amounts for body in bodies], fewest if spares else len(bodies), sharing=sharing)
        rounds = all_of([body.rounds for body in bodies], certain=not spares)
        soonest = all_of([body.rounds for body in bodies], certain=False)
    else:
        amounts = bodies[0].amounts.alike(running, sharing=sharing) if bodies else Amounts()
        rounds = bodies[0].rounds if bodies else Rounds()
        soonest = rounds = rounds if fewest else rounds.maybe
    exact = apart and count.least == len(items)
    results = listed(values) if exact else Many(count, one_of(values or [NONE]))
    waves = waves_of(survey, step, scope, running, fewest if votes else None)
    elements = int(count.least) if count.least == count.most else None
    times = f" × {elements:,}" if elements is not None else ""
    parts = Parts(
        f"map {node.element}{times}",
        amounts,
        rounds.in_waves(waves, soonest),
        results,
        count,
        survey.tree(bodies),
        soonest,
        elements,
        expected_of(survey, spec, (elements, elements), args, bodies[0].amounts, cheap=True)
        if elements and bodies
        else None,
    )
    return combined(survey, step, node.reduce, parts, scope, {"results": results}, sharing)


def _bodies(
    survey: Survey,
    node: p.Map,
    scope: Scope,
    items: list[tuple[Size, bool]],
    *,
    apart: bool,
    vote: bool,
    sharing: bool,
) -> tuple[list[Body], bool]:
    """A body for each element, or one for all where that many are too much work; and whether they are apart."""

    def body(item: Size, certain: bool) -> Body:
        inner = Scope(scope, {node.element: item})
        found = survey.body(node.body, inner, vote=vote, sharing=sharing)
        return found if certain else Body(found.inside, found.amounts.maybe, found.rounds.maybe, found.value)

    bodies: list[Body] = []
    for place, (item, certain) in enumerate(items, 1):
        before = survey.work
        bodies.append(body(item, certain))
        # Maps inside this one multiply the work: it is known when the first body is worked out.
        if apart and not survey.affords(node.body, len(items) - place, spent=survey.work - before):
            return [body(one_of([item for item, _ in items]), True)], False
    return bodies, apart


def _elements(survey: Survey, step: p.Step, node: p.Map, scope: Scope) -> tuple[Bound, list[tuple[Size, bool]], bool]:
    """How many elements there are, and each with whether it is sure to run.

    The last value is False where one stands for all of them: they are not known, or too many.
    """
    source = survey.size(node.source, scope)
    count, items = items_of(source)
    if not is_counted(source):
        if step.name in survey.given_sizes:
            count = Bound(survey.given_sizes[step.name], survey.given_sizes[step.name])
        elif node.where is not None:
            count = count.maybe
        count = count.capped(node.at_most)
        if count.most is None:
            count = Bound(count.least, None, count.why or f"nothing bounds the list of {quoted(step.title)}")
        return count, [(one_of(items), True)] if items else [], False
    found = []
    for item in items:
        held: Size = Known(True)
        if node.where is not None:
            held = survey.size(node.where, Scope(scope, {node.element: item}))
        if not isinstance(held, Known):
            found.append((item, False))
        elif held.value:
            found.append((item, True))
    count = Bound(sum(certain for _, certain in found), len(found)).capped(node.at_most)
    if len(found) != count.most or not survey.affords(node.body, len(found)):
        return count, [(one_of([item for item, _ in found]), True)] if found else [], False
    return count, found, True
