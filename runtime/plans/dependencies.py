"""What a step waits for before it begins, and what it takes as it comes."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..reducers import REDUCERS
from .free_names import mentions


def first_needs(step: p.Step) -> tuple[str, ...]:
    """What a step waits for before it begins, a rule's arguments too: the asks and the extern of a reducer wait by
    themselves.
    """
    node = step.node
    if not isinstance(node, p.Map | p.Repeat | p.Fanout):
        return step.needs
    reduce = node.reduce
    if reduce.extern is not None:
        return step.needs
    if not reduce.asks:
        return (*step.needs, *reduce.needs)
    # What a rule counts with, how many go into one ask, and what a fold begins with.
    first = set(mentions([*reduce.args.values(), *([] if reduce.count is None else [reduce.count])]))
    return (*step.needs, *(name for name in reduce.needs if name in first))


def taken_from(step: p.Step) -> str | None:
    """The step whose results a map may take one by one, as they come; None where it is to have them whole.

    A vote is counted in the order of the list, and a time-out is that of the map and not of what is before it.
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
