"""Lists that need not be in memory as a whole: results that are handed on one by one, and inputs read once by maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flowrun.dsl import plan as p

from ..reducers import REDUCERS
from .free_names import mentions, spoken


def handed_on(plan: p.Plan) -> p.Step | None:
    """Find the map or repeat whose list the flow returns unchanged. None if the flow also uses that list elsewhere."""
    if not isinstance(plan.result, p.Ref):
        return None
    name = plan.result.name
    step = next((step for step in plan.steps if step.name == name), None)
    if step is None or not isinstance(step.node, p.Map | p.Repeat) or step.when is not None:
        return None
    reduce = step.node.reduce
    if reduce.form != "rule" or not REDUCERS[reduce.rule].spec.lists:
        return None
    todo = list(plan.steps)
    while todo:
        one = todo.pop()
        if name in spoken(one):
            return None
        todo.extend(one.block.steps if one.block is not None else ())
    return step


def only_mapped(plan: p.Plan, name: str) -> bool:
    """Tell whether a flow uses a parameter only in maps over it, for its length, or in a call of a flow that does so.

    A call inside a block does not count: then many places of the list would be read in turn.
    """
    return _only_mapped(plan.steps, plan.result, name, plan.flows, frozenset())


def _only_mapped(
    steps: Sequence[p.Step], result: p.Expr, name: str, flows: Mapping[str, p.Flow], around: frozenset[str]
) -> bool:
    """Tell whether the steps of a flow only map a parameter. ``around`` has the flows that call this one."""
    length = p.CallOf("length", {"of": p.Ref(name)})
    if name in mentions([result], length):
        return False
    mapped = False
    todo = [(step, True) for step in steps]
    while todo:
        step, direct = todo.pop()
        todo += [(one, False) for one in (step.block.steps if step.block is not None else ())]
        node = step.node
        if isinstance(node, p.Map) and node.source == p.Ref(name):
            mapped = True
            step = replace(step, node=replace(node, source=p.Constant([])))
        elif isinstance(node, p.FlowCall) and direct and node.flow not in around:
            kept = dict(node.args)
            for given, value in node.args.items():
                called = flows[node.flow]
                inside = around | {node.flow}
                if value == p.Ref(name) and _only_mapped(called.steps, called.result, given, flows, inside):
                    mapped = True
                    del kept[given]
            step = replace(step, node=replace(node, args=kept))
        if name in spoken(step, length):
            return False
    return mapped
