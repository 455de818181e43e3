"""The reach of the untrusted sources of a plan.

``labels_of`` reads a plan, and ``has_labels`` says whether a plan has anything to read. ``marks`` describes the lattice
of the analysis, ``places`` its results.
"""

from __future__ import annotations

from .. import plan as p
from ..catalog import Catalog
from .places import Labels
from .walk import Walk


def has_labels(plan: p.Plan) -> bool:
    """Return True if a part of a plan has a label."""
    flows: list[p.Flow | p.Plan] = [plan, *plan.flows.values()]
    params = [param for flow in flows for param in flow.params]
    params += [param for extern in plan.externs.values() for param in extern.params]
    if any(param.label for param in params) or any(extern.label for extern in plan.externs.values()):
        return True
    exprs = [param.default for param in params if param.default is not None]
    for flow in flows:
        exprs += [flow.result, *(expr for step in p.walk_steps(flow.steps) for expr in step_exprs(step))]
    return any(isinstance(expr, p.CallOf) and expr.label for expr in p.walk_exprs(exprs))


def step_exprs(step: p.Step) -> list[p.Expr]:
    """Return the expressions of a step, without those of the steps inside it and those in templates."""
    node = step.node
    found = [*step.options.values(), *(one for one in (step.when, step.otherwise) if one is not None)]
    match node:
        case p.Value(expr):
            found.append(expr)
        case p.FlowCall(_, args) | p.ExternCall(_, args):
            found += args.values()
        case p.Map(_, source, where):
            found += [source] if where is None else [source, where]
        case p.Ask(model) if model is not None:
            found.append(model)
    if isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        found += [*node.reduce.args.values(), *node.reduce.options.values()]
    return found


def labels_of(plan: p.Plan, catalog: Catalog) -> Labels:
    """Return the reach of the sources of a plan. A plan without labels is not read."""
    if not has_labels(plan):
        return Labels()
    walk = Walk(plan, catalog)
    walk.run()
    fenced = {key: tuple(sorted(places)) for key, places in walk.fenced.items() if places}
    return Labels(walk.sources, tuple(walk.places.values()), tuple(walk.breaches), tuple(walk.warnings), fenced)
