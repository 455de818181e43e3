"""Lists that need not be in memory as a whole: results that are handed on one by one, and inputs read once by maps."""

from __future__ import annotations

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
    """Tell whether the flow uses a parameter only as the source of maps, or for its length."""
    length = p.CallOf("length", {"of": p.Ref(name)})
    if name in mentions([] if plan.result == length else [plan.result]):
        return False
    mapped = False
    todo = list(plan.steps)
    while todo:
        step = todo.pop()
        todo.extend(step.block.steps if step.block is not None else ())
        node = step.node
        if isinstance(node, p.Map) and node.source == p.Ref(name):
            mapped = True
            step = replace(step, node=replace(node, source=p.Constant([])))
        elif isinstance(node, p.Value) and node.expr == length:
            continue
        if name in spoken(step):
            return False
    return mapped
