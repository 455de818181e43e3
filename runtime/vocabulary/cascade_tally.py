"""The account of one cascade: the stages that ran, and what each of them took."""

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
