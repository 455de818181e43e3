"""The step that gave a run its answer: the only vote of the run, or a later step with the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.dsl import plan as p

if TYPE_CHECKING:
    from ..session.result import Result


def answered_by_vote(result: Result) -> bool:
    """Tell whether the answer of a run can be that of its only vote. Both have the same value.

    The run made more calls than the vote. So if the flow returns a later ask, that ask gave the answer.
    """
    (path,) = result.outcome.tallies
    plan = None if result.source is None else result.source.plan
    step = None if plan is None else _returned(plan)
    return step is None or path == step.title or path.startswith((f"{step.title}.", f"{step.title}["))


def _returned(plan: p.Plan) -> p.Step | None:
    """Return the step whose value the flow returns as it is. None for a value that the flow works out."""
    steps, expr = {step.name: step for step in plan.steps}, plan.result
    while isinstance(expr, p.Ref) and expr.name in steps:
        step = steps[expr.name]
        if not isinstance(step.node, p.Value) or step.when is not None:
            return step
        expr = step.node.expr
    return None
