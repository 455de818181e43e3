"""A flow with another model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowrun.dsl import plan as p

from ..vocabulary.errors import UsageError


def with_model(plan: p.Plan, given: str) -> tuple[p.Plan, str | None]:
    """Return a plan that asks another model, and the model of its asks that name none.

    ``given`` is an address for the asks that name no model, or NAME=ADDRESS for a model that the flow declares. Raises
    UsageError if no ask would change.
    """
    name, equals, address = given.partition("=")
    declared = {model.name: model for model in plan.models}
    if equals and name in declared:
        models = tuple(replace(one, address=address) if one.name == name else one for one in plan.models)
        return replace(plan, models=models), None
    if not any(ask.model is None and not ask.person for ask in _asks(plan)):
        known = ", ".join(f"`{one}`" for one in declared) or "none"
        raise UsageError(
            f"--against-model {given}: every ask of the flow `{plan.flow}` names its model (declared: {known}), so it "
            f"would change nothing; write --against-model {next(iter(declared), 'NAME')}=MODEL to replace one"
        )
    return plan, given


def _asks(plan: p.Plan) -> Iterator[p.Ask]:
    for step in plan.walk():
        if isinstance(step.node, p.Ask):
            yield step.node
        elif isinstance(step.node, p.Map | p.Repeat | p.Fanout):
            yield from step.node.reduce.asks
