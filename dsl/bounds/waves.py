"""Waves: how often the bodies of a block wait for each other, where only so many may be open at once."""

from __future__ import annotations

from .. import plan as p
from .expression_sizes import Scope
from .sizes import NOTHING, Bound, Known
from .survey import Survey


def waves_of(survey: Survey, step: p.Step, scope: Scope, bodies: Bound, first: float | None) -> Bound:
    """How many times bodies wait for each other, where only so many may be open at once.

    ``first`` is how many a vote launches to begin with; each of the others may wait for one before it. None where
    all are launched at once.
    """
    window: float | None = None
    if "concurrency" in step.options:
        option = survey.size(step.options["concurrency"], scope)
        window = option.value if isinstance(option, Known) and isinstance(option.value, int) else 1
    if bodies.most == 0:
        return NOTHING
    least = 1 if bodies.least else 0
    if first is None and window is None:
        return Bound(least, 1)
    if window is not None and window >= 1:
        least = max(least, -int(-bodies.least // window))
    if bodies.most is None:
        return Bound(least, None, bodies.why)
    if first is None:
        return Bound(least, -int(-bodies.most // max(1, window or 1)))
    return Bound(least, max(least, bodies.most - min(first, window or first) + 1))
