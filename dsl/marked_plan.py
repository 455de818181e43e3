"""The plan of a flow, with the marks around foreign text in its prompts."""

from __future__ import annotations

from collections.abc import Iterable

from . import plan as p
from .checked import Checked
from .planner import bare_plan


def refuse_holes(checked: Checked) -> None:
    """Raise FlowError if a file has a `?` in the place of a value."""
    if checked.tuning is not None:
        from .diagnostics import FlowError
        from .holes.tuning import open_holes

        raise FlowError([open_holes(checked.tuning)])


def make_plan(checked: Checked, flow: str | None = None, *, beside: Iterable[str] = ()) -> p.Plan:
    """Return the plan of one flow of a file: the named flow, or else the last one.

    Raises KeyError with the name of an unknown flow. Flows in ``beside`` become called flows, even if nothing calls
    them. Raises FlowError if the file has a `?` in the place of a value.
    """
    refuse_holes(checked)
    plan = bare_plan(checked, flow, beside=beside)
    if not plan.labels:
        return plan
    from .labels.fences import with_fences  # most files have no labels
    from .labels.labels import labels_of

    return with_fences(plan, labels_of(plan, checked.catalog))
