"""A file's plan, as the command line names it."""

from __future__ import annotations

from flowrun.dsl import Checked, did_you_mean, make_plan
from flowrun.dsl import plan as p

from ..errors import UsageError


def plan_of(checked: Checked, flow: str | None) -> p.Plan:
    try:
        return make_plan(checked, flow)
    except KeyError:
        known = [one.name.text for one in checked.file.flows]
        guess = did_you_mean(flow or "", known) or "there are " + ", ".join(f"`{name}`" for name in known)
        raise UsageError(f"no flow is called `{flow}`; {guess}") from None
