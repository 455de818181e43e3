"""Waves: how often the bodies of a block wait for each other, where only so many may be open at once."""

from __future__ import annotations

from dataclasses import dataclass

from .. import plan as p
from .expression_sizes import Scope
from .sizes import NOTHING, Bound, Known
from .survey import Survey


@dataclass(frozen=True, slots=True)
class Launch:
    """How a block launches its bodies: all of them ``eager``ly, or as they are needed; it may need all ``together``.

    ``cheap`` is a vote that asks for no more than it needs.
    """

    eager: bool
    together: bool
    cheap: bool


def launch_of(survey: Survey, step: p.Step, scope: Scope, *, votes: bool, exact: bool) -> Launch:
    """``exact`` is a vote over a number that is fixed. A rule that is no vote takes all at once."""
    launch = survey.size(step.options["launch"], scope) if "launch" in step.options else Known("cost")
    together = votes and launch == Known("together")
    eager = not votes or together or (exact and launch == Known("latency"))
    return Launch(eager, together, launch == Known("cost"))


def waves_of(survey: Survey, step: p.Step, scope: Scope, bodies: Bound, first: float | None) -> Bound:
    """How many times bodies wait for each other, where only so many may be open at once.

    ``first`` is how many a vote launches to begin with; each of the others may wait for one before it. None where
    all are launched at once.
    """
    window: float | None = None
    if "concurrency" in step.options:
        option = survey.size(step.options["concurrency"], scope)
        window = option.value if isinstance(option, Known) and isinstance(option.value, int) else None
        if window is None:
            # One at a time at the worst, and all at once at best.
            return Bound(1 if bodies.least else 0, bodies.most, bodies.why)
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
    return Bound(least, max(least, bodies.most - max(1, min(first, window or first)) + 1))
