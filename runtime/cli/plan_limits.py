"""The limits of `flowrun plan`, and the messages about bounds that exceed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import Bound, Bounds, dataclass

from ..vocabulary.amounts import bound_text
from .plan_view import cost_in_words, in_words, most_in_words


@dataclass(frozen=True, slots=True)
class Limits:
    """The most calls, attempts and dollars of a flow. None sets no limit."""

    max_calls: int | None = None
    max_attempts: int | None = None
    max_cost: float | None = None

    def over(self, bounds: Bounds, said: str = "--max-{}") -> list[str]:
        """Return a message for each limit that the bounds exceed. It names the step that takes the most.

        ``said`` is the form of a limit's name in messages.
        """
        found = []
        if self.max_calls is not None and _beyond(bounds.calls, self.max_calls):
            could = f"the limit is {self.max_calls:,} calls, and the flow could make {in_words(bounds.calls)}"
            found.append(f"{said.format('calls')} {self.max_calls}: {could}; {_whose(bounds, 'calls')}")
        if self.max_attempts is not None and _beyond(bounds.attempts, self.max_attempts):
            could = f"the limit is {self.max_attempts:,} attempts that may be billed, and the flow could make "
            could += most_in_words(bounds.attempts)
            found.append(f"{said.format('attempts')} {self.max_attempts}: {could}; {_whose(bounds, 'attempts')}")
        if self.max_cost is not None and _beyond(bounds.cost, self.max_cost):
            could = f"the limit is {bound_text(self.max_cost)}, and the flow could cost {cost_in_words(bounds.cost)}"
            found.append(f"{said.format('cost')} {self.max_cost:.10g}: {could}; {_whose(bounds, 'cost')}")
        return found


def _beyond(bound: Bound, limit: float) -> bool:
    return bound.most is None or bound.most > limit


def _whose(bounds: Bounds, what: str) -> str:
    """Return the reason why an amount has no bound, or else the step that takes most of it."""
    whole: Bound = getattr(bounds, what)
    if whole.most is None:
        return f"no bound: {whole.why}"
    steps = bounds.inside
    most = max(steps, key=lambda step: getattr(step, what).most or 0)
    bound: Bound = getattr(most, what)
    said = {"calls": in_words, "attempts": most_in_words, "cost": cost_in_words}[what](bound)
    return f"the largest part is `{most.title}`: {said}"


@dataclass(frozen=True, slots=True)
class Chances:
    """The options of `flowrun plan` that hold for every flow of a folder. A row of a file may replace some of them."""

    model: str | None
    first: int | None
    limits: Limits
    right: float
    batch: bool
    allow_read: tuple[Path, ...]

    @classmethod
    def given(cls, options: Mapping[str, Any]) -> Chances:
        """Read the options of the command."""
        limits = Limits(options["max_calls"], options["max_attempts"], options["max_cost"])
        return cls(
            options["model"], options["first"], limits, options["right"], options["batch"], options["allow_read"]
        )
