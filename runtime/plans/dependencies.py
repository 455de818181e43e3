"""The dependencies of a step: the steps that it waits for, and the step whose results it takes as they arrive."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..reducers import REDUCERS
from .free_names import mentions


def first_needs(step: p.Step) -> tuple[str, ...]:
    """Return the steps that a step waits for before it begins, including those in the arguments of its rule.

    The asks and the extern of a reducer are not counted, because they wait separately.
    """
    node = step.node
    if not isinstance(node, p.Map | p.Repeat | p.Fanout):
        return step.needs
    reduce = node.reduce
    if reduce.extern is not None:
        return step.needs
    if not reduce.asks:
        return (*step.needs, *reduce.needs)
    # These hold a rule's arguments, the number of results in one ask, and the first value of a fold.
    first = set(mentions([*reduce.args.values(), *([] if reduce.count is None else [reduce.count])]))
    return (*step.needs, *(name for name in reduce.needs if name in first))


def taken_from(step: p.Step) -> str | None:
    """Find the step whose results a map may take one by one, as they arrive. None if the map needs the whole list.

    A map with a vote needs the whole list, because the vote is counted in the order of the list. So does a map with a
    time-out, because the time of the step before it must not count.
    """
    node = step.node
    if not isinstance(node, p.Map) or node.whole or not isinstance(node.source, p.Ref) or "timeout" in step.options:
        return None
    reduce, name = node.reduce, node.source.name
    asks = reduce.ask is not None or reduce.extern is not None
    if not asks and (REDUCERS[reduce.rule].spec.votes or REDUCERS[reduce.rule].spec.spares or name in reduce.needs):
        return None
    exprs = [*step.options.values(), *reduce.args.values()]
    exprs += [expr for expr in (step.when, step.otherwise, node.where, reduce.count) if expr is not None]
    return name if name in step.needs and name not in mentions(exprs) else None
