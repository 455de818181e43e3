"""The parameters whose elements a flow goes through one by one, in its maps and in those of the flows that it calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowrun.dsl import plan as p
from flowrun.dsl import types

from .free_names import mentions


def mapped_lists(plan: p.Plan) -> frozenset[str]:
    """Return the list parameters that a map takes its elements from, also by way of a function or of another flow."""
    lists = [param.name for param in plan.params if isinstance(types.unwrapped(param.type), types.ListOf)]
    return frozenset(name for name in lists if _is_mapped(plan.steps, {name}, plan.flows))


def _is_mapped(steps: Iterable[p.Step], names: set[str], flows: Mapping[str, p.Flow]) -> bool:
    """Tell whether a map among these steps and the steps in them takes its elements from one of the names."""
    names = set(names)
    for step in steps:
        node = step.node
        match node:
            case p.Map() if names.intersection(mentions([node.source])):
                return True
            case p.Value(expr) if names.intersection(mentions([expr])):
                names.add(step.name)
            case p.FlowCall(flow, args):
                given = {name for name, value in args.items() if names.intersection(mentions([value]))}
                if given and _is_mapped(flows[flow].steps, given, flows):
                    return True
        if step.block is not None and _is_mapped(step.block.steps, names, flows):
            return True
    return False
