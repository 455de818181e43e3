"""The steps whose expressions may call a function that takes time: it reads a file, or it cuts a long text."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..values.functions import FUNCTIONS

_LEAVES = frozenset({p.Constant, p.Ref, p.TextOf, p.TypeOf})


def calls(plan: p.Plan, function: str) -> bool:
    """Tell whether a plan calls a function of the language."""
    todo: list[p.Expr] = [expr for step in plan.walk() for expr in _exprs(step)]
    params = [*plan.params, *(param for flow in plan.flows.values() for param in flow.params)]
    todo += [param.default for param in params if param.default is not None]
    while todo:
        expr = todo.pop()
        if isinstance(expr, p.CallOf) and expr.function == function:
            return True
        todo += [part for part in p.expr_parts(expr) if type(part) not in _LEAVES]
    return False


def may_read(step: p.Step) -> bool:
    """Tell whether an expression of a step itself may read. The steps inside a block do not count.

    A called flow or extern may read for the default of a parameter, so every such call counts.
    """
    if isinstance(step.node, p.FlowCall | p.ExternCall):
        return True
    todo = [expr for expr in _exprs(step) if type(expr) not in _LEAVES]
    while todo:
        expr = todo.pop()
        if isinstance(expr, p.CallOf) and _reads(expr.function):
            return True
        todo += [part for part in p.expr_parts(expr) if type(part) not in _LEAVES]
    return False


def _reads(function: str) -> bool:
    known = FUNCTIONS.get(function)
    return function in ("split", "pages") or (known is not None and known.spec.reads)


def _exprs(step: p.Step) -> list[p.Expr]:
    node, exprs = step.node, [*step.options.values()]
    found = [step.when, step.otherwise]
    if isinstance(node, p.Value):
        exprs.append(node.expr)
    elif isinstance(node, p.Match):
        exprs.append(node.value)
    elif isinstance(node, p.Ask):
        found.append(node.model)
    elif isinstance(node, p.Map | p.Repeat | p.Fanout):
        exprs += node.reduce.args.values()
        found.append(node.reduce.count)
        if isinstance(node, p.Map):
            found += [node.source, node.where]
        elif isinstance(node, p.Repeat):
            found.append(node.over)
    return exprs + [expr for expr in found if expr is not None]
