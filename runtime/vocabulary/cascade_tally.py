"""The account of cascades: the stages that ran, what each of them took, and the sums of many cascades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from flowrun.dsl import dataclass

StageEnd = Literal["value", "up", "failed", "skipped", "open"]
"""The end of a stage. "value": its value is that of the cascade. "up": it had a value, and the cascade went on."""


@dataclass(frozen=True, slots=True)
class StageTally:
    """The account of one stage. ``used`` has its tokens by the address of the model, None where they are not known."""

    name: str
    end: StageEnd
    calls: int = 0
    used: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CascadeTally:
    """The account of one cascade, with all its stages in their order."""

    stages: tuple[StageTally, ...]

    @property
    def ran(self) -> int:
        """The number of stages that ran."""
        return sum(one.end != "skipped" for one in self.stages)


@dataclass(slots=True)
class StageCount:
    """The sums of one stage. ``runs`` counts the cascades that came to it, ``failed`` those in which it failed.

    ``used`` has the tokens by the address of the model, None where they are not known. ``dollars`` is None if a price
    is not known.
    """

    name: str
    runs: int = 0
    failed: int = 0
    gave: int = 0
    calls: int = 0
    used: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    dollars: float | None = 0.0

    def use(self, model: str, tokens: tuple[int, int] | None) -> None:
        """Add the tokens of a model."""
        before = self.used.get(model, (0, 0))
        known = None if tokens is None or before is None else (before[0] + tokens[0], before[1] + tokens[1])
        self.used[model] = known


@dataclass(slots=True)
class CascadeCount:
    """The sums of all runs of one cascade of the plan. ``broken_off`` counts those that did not come to an end."""

    path: str
    runs: int = 0
    broken_off: int = 0
    stages: list[StageCount] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.stages)

    @property
    def dollars(self) -> float | None:
        known = [one.dollars for one in self.stages if one.dollars is not None]
        return sum(known) if len(known) == len(self.stages) else None

    @property
    def dearest(self) -> StageCount | None:
        """The last stage that made calls, if another came before it. It stands for asking the dear model for all."""
        paid = [one for one in self.stages if one.calls]
        return paid[-1] if paid and paid[-1] is not self.stages[0] else None

    @property
    def calls_saved(self) -> float | None:
        """About how many calls fewer than with the dearest stage for all; None if that is not known."""
        last = None if self.broken_off else self.dearest
        return None if last is None else last.calls / last.runs * self.runs - self.calls

    @property
    def saved(self) -> float | None:
        """About how many dollars less than with the dearest stage for all; None if that is not known."""
        last, spent = self.dearest, self.dollars
        if last is None or self.broken_off or not last.dollars or spent is None:
            return None
        return last.dollars / last.runs * self.runs - spent
