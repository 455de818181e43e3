"""The marks around foreign text in the messages of a plan."""

from __future__ import annotations

from dataclasses import replace

from .. import plan as p
from .places import Labels


def with_fences(plan: p.Plan, labels: Labels) -> p.Plan:
    """Return a plan whose messages mark each written value that holds free text of an untrusted source.

    A message loses the marks that it had before, if no such text reaches them.
    """
    flows = {key: replace(flow, steps=_steps(key, flow.steps, labels)) for key, flow in plan.flows.items()}
    return replace(plan, steps=_steps("", plan.steps, labels), flows=flows)


def _steps(flow: str, steps: tuple[p.Step, ...], labels: Labels) -> tuple[p.Step, ...]:
    return tuple(replace(step, node=_node(flow, step, labels)) for step in steps)


def _node(flow: str, step: p.Step, labels: Labels) -> p.Node:
    def ask(node: p.Ask) -> p.Ask:
        return replace(node, messages=tuple(_message((flow, step.name), one, labels) for one in node.messages))

    def reduced(reduce: p.Reduce) -> p.Reduce:
        combining, deciding = reduce.ask, reduce.deciding
        return replace(
            reduce,
            ask=None if combining is None else ask(combining),
            deciding=None if deciding is None else ask(deciding),
        )

    node = step.node
    match node:
        case p.Ask():
            return ask(node)
        case p.Chain(body) | p.Match(body=body) | p.Rounds(body=body) | p.Cascade(body):
            return replace(node, body=replace(body, steps=_steps(flow, body.steps, labels)))
        case p.Fanout() | p.Map() | p.Repeat():
            body = replace(node.body, steps=_steps(flow, node.body.steps, labels))
            return replace(node, body=body, reduce=reduced(node.reduce))
    return node


def _message(place: tuple[str, str], message: p.Message, labels: Labels) -> p.Message:
    return replace(message, fenced=labels.fenced.get((*place, message.template), ()))
