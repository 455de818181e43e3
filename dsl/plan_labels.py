"""The table of a plan's labels. A plan carries it, so that an edited plan that has lost a label is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import plan as p


def label_table(plan: p.Plan) -> dict[str, p.Label]:
    """Return the labels of a plan by the names of the parts that have them."""
    table: dict[str, p.Label] = {}
    for key, extern in plan.externs.items():
        if extern.label:
            table[f"extern {key}"] = extern.label
        _params(table, f"extern {key}.", extern.params)
    for key, flow in plan.flows.items():
        _flow(table, f"{key}.", flow)
    _flow(table, "", plan)
    return table


def _flow(table: dict[str, p.Label], prefix: str, flow: p.Flow | p.Plan) -> None:
    _params(table, prefix, flow.params)
    for step in p.walk_steps(flow.steps):
        _reads(table, f"{prefix}{step.name}", step_exprs(step))
    _reads(table, f"{prefix}return", [flow.result])


def _params(table: dict[str, p.Label], prefix: str, params: Iterable[p.Param]) -> None:
    for param in params:
        if param.label:
            table[prefix + param.name] = param.label
        if param.default is not None:
            _reads(table, f"{prefix}{param.name}", [param.default])


def _reads(table: dict[str, p.Label], place: str, exprs: Iterable[p.Expr]) -> None:
    calls = [one for one in p.walk_exprs(exprs) if isinstance(one, p.CallOf) and one.label]
    for number, call in enumerate(calls, 1):
        table[f"{place}: {call.function}{f' {number}' if number > 1 else ''}"] = call.label


def step_exprs(step: p.Step) -> Iterator[p.Expr]:
    """Yield the expressions of a step, without those of the steps inside it and those in templates."""
    node = step.node
    yield from step.options.values()
    yield from (one for one in (step.when, step.otherwise) if one is not None)
    match node:
        case p.Value(expr):
            yield expr
        case p.FlowCall(_, args) | p.ExternCall(_, args):
            yield from args.values()
        case p.Ask(model) if model is not None:
            yield model
    if isinstance(node, p.Map):
        yield node.source
        if node.where is not None:
            yield node.where
    elif isinstance(node, p.Repeat) and node.over is not None:
        yield node.over
    if isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        yield from (*node.reduce.args.values(), *node.reduce.options.values())
