"""The picture of a flow and the text of its plan, for an editor that shows them beside the text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from flowrun.dsl import Checked, inert, picture_of, to_dot, to_mermaid, to_svg

from ..catalog import catalog
from ..plans.samples import votes_in
from ..session.loading import plan_of
from ..vocabulary.errors import UsageError

FORMATS = {"svg": to_svg, "mermaid": to_mermaid, "dot": to_dot}
PlanView = Callable[..., Iterable[str]]
"""A function that writes the bounds of a plan, with its limits of calls and of dollars, in lines."""


def graph_text(checked: Checked, flow: str | None, form: str) -> str:
    """Draw a flow as `flowrun graph` does. Raises UsageError."""
    if form not in FORMATS:
        raise UsageError(f"a picture has one of the formats {', '.join(FORMATS)}")
    return FORMATS[form](picture_of(plan_of(checked, flow), catalog().functions))


def plan_text(checked: Checked, flow: str | None, view: PlanView) -> str:
    """Write the plan of a flow as `flowrun plan` does without inputs. Raises UsageError."""
    from ..forecast.estimate import bounds_without_inputs  # loads the readers of documents
    from ..providers.default_model import model_without_option

    plan = plan_of(checked, flow)
    bounds = bounds_without_inputs(plan, model_without_option(os.environ, plan.source).name, os.environ)
    lines = view(bounds, plan.calls_limit, plan.money_limit, votes=votes_in(plan, catalog().reducers))
    return "\n".join(inert(line) for line in lines) + "\n"
