"""The check of panels whose list is empty in this run, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.json_value import Json
from .sent_options import Given


def must_have_items(plan: p.Plan, values: Mapping[str, Json]) -> None:
    """Raise UsageError for a panel of the flow itself whose list the inputs and their defaults leave without items.

    A list that only the run knows is looked at when its step begins, before the first sample.
    """
    given = dict(values)
    for param in plan.params:
        if param.name not in given and param.default is not None:
            with suppress(FlowrunError):  # the run works out a default that reads a file
                given[param.name] = evaluate(param.default, Given(given))
    names = Given(given)
    for step in plan.steps:
        if not isinstance(step.node, p.Repeat) or step.node.over is None or step.when is not None:
            continue
        found: Json = None
        with suppress(FlowrunError):  # the list is not known yet, or the step tells of it
            found = evaluate(step.node.over, names)
        if isinstance(found, Sequence) and not isinstance(found, str) and not found:
            raise UsageError(
                f"the panel `{step.title}` has no items, so its samples have nothing to take: "
                "its list is empty in this run. Nothing was sent"
            )
