"""The part of a plan that a run cannot do without. Everything that may be lost is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import plan as p
from .catalog import ReducerSpec

_FREE = p.ExternCall("", {})
"""This node replaces a block whose calls may all be lost. It makes no calls, and its value may be anything."""


def necessary(plan: p.Plan, reducers: Mapping[str, ReducerSpec]) -> p.Plan:
    """Return the plan without budgets, and without the calls that may be refused while the run still succeeds.

    Such calls are those of elements under `errors: skip` or `none`, of branches of a race or a vote, and of the samples
    that a vote does not need to be settled.
    """

    def flow(steps: tuple[p.Step, ...]) -> tuple[p.Step, ...]:
        return tuple(_step(step, reducers) for step in steps)

    flows = {
        name: replace(one, steps=flow(one.steps), calls_limit=None, money_limit=None)
        for name, one in plan.flows.items()
    }
    return replace(plan, steps=flow(plan.steps), flows=flows, calls_limit=None, money_limit=None)


def _step(step: p.Step, reducers: Mapping[str, ReducerSpec]) -> p.Step:
    node = step.node
    if step.block is None or isinstance(node, (p.Ask, p.Value, p.FlowCall, p.ExternCall)):
        return step
    if _losable(step, node, reducers):
        return replace(step, node=_FREE)
    body = replace(node.body, steps=tuple(_step(inner, reducers) for inner in node.body.steps))
    # A vote that launches all its samples has a value even if some of them are lost.
    options = {name: value for name, value in step.options.items() if name != "launch"}
    return replace(step, node=replace(node, body=body), options=options)


def _losable(
    step: p.Step,
    node: p.Map | p.Repeat | p.Fanout | p.Chain | p.Match | p.Rounds | p.Cascade,
    reducers: Mapping[str, ReducerSpec],
) -> bool:
    """Return True if a block may have a value even if any one of its calls is refused."""
    if isinstance(node, p.Chain | p.Match | p.Rounds | p.Cascade):
        return False
    if isinstance(node, (p.Map, p.Fanout)) and step.options.get("errors", p.Constant("fail")) != p.Constant("fail"):
        return True
    reduce = node.reduce
    rule = reducers.get(reduce.rule) if reduce.ask is None and reduce.extern is None else None
    if rule is None or not rule.spares:
        return False
    if not isinstance(node, p.Repeat):
        return True
    args = {name: one.value if isinstance(one, p.Constant) else None for name, one in reduce.args.items()}
    # A vote that counts all its samples may be settled by fewer if the others are lost.
    return rule.fewest(node.least, node.most, args) >= node.most
