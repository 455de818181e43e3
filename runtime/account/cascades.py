"""The account of the cascades of a run: how many went up to each stage, and what that saved.

The saving is an estimate. It compares the run with one that asks the last paid stage alone, at the mean calls and the
mean price that this stage had where it ran.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary.amounts import count_text, money_text
from ..vocabulary.cascade_tally import CascadeTally
from ..vocabulary.usage import Usage

Cost = Callable[[str, Usage], float | None]
"""A function that returns the dollars for the tokens of a model, None if a price is not known."""
_PLACE = re.compile(r"\[[^\]]*\]")


@dataclass(slots=True)
class StageCount:
    """The sums of one stage. ``runs`` counts the cascades that came to it, ``failed`` those in which it failed.

    ``dollars`` is None if a price is not known.
    """

    name: str
    runs: int = 0
    failed: int = 0
    gave: int = 0
    calls: int = 0
    dollars: float | None = 0.0


@dataclass(slots=True)
class CascadeCount:
    """The sums of all runs of one cascade of the plan."""

    path: str
    runs: int = 0
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
        """About how many calls fewer than with the dearest stage for all; None if that stage never ran."""
        last = self.dearest
        return None if last is None else last.calls / last.runs * self.runs - self.calls

    @property
    def saved(self) -> float | None:
        """About how many dollars less than with the dearest stage for all; None if that is not known."""
        last, spent = self.dearest, self.dollars
        if last is None or not last.dollars or spent is None:
            return None
        return last.dollars / last.runs * self.runs - spent


def cascade_counts(cascades: Mapping[str, CascadeTally], cost: Cost) -> list[CascadeCount]:
    """Add up the cascades of a run, one sum for each cascade of the plan."""
    found: dict[str, CascadeCount] = {}
    for path, tally in cascades.items():
        name = _PLACE.sub("", path)
        count = found.get(name)
        if count is None:
            count = found[name] = CascadeCount(name, 0, [StageCount(one.name) for one in tally.stages])
        count.runs += 1
        for sums, one in zip(count.stages, tally.stages, strict=False):
            if one.end == "skipped":
                continue
            sums.runs += 1
            sums.failed += one.end == "failed"
            sums.gave += one.end == "value"
            sums.calls += one.calls
            for model, tokens in one.used.items():
                each = None if tokens is None else cost(model, Usage(*tokens))
                sums.dollars = None if sums.dollars is None or each is None else sums.dollars + each
    return list(found.values())


def cascade_lines(counts: list[CascadeCount]) -> list[str]:
    """Return one line for each cascade of the plan, however often it ran."""
    return [_line(one) for one in counts]


def _line(count: CascadeCount) -> str:
    parts = [f"{stage.runs:,} went up to {stage.name}" for stage in count.stages[1:] if stage.runs]
    failed = sum(one.failed for one in count.stages[:-1])
    went = " and ".join(parts) if parts else "none went up"
    after = f" ({failed:,} after a failure)" if failed else ""
    return f"{count.path}: {count_text(count.runs, 'cascade')}, {went}{after}{_saving(count)}"


def _saving(count: CascadeCount) -> str:
    last, calls, dollars = count.dearest, count.calls_saved, count.saved
    if last is None or calls is None:
        return ""
    told = []
    if round(calls):
        told.append(f"{count_text(abs(round(calls)), 'call')} {'fewer' if calls > 0 else 'more'}")
    if dollars is not None:
        told.append(f"{money_text(abs(dollars))} {'less' if dollars >= 0 else 'more'}")
    return f"; about {' and '.join(told)} than with {last.name} for all" if told else ""


def cascades_json(counts: list[CascadeCount]) -> dict[str, Any]:
    """Return the sums of all cascades by their paths without numbers of elements, as `--json` prints them."""
    return {
        one.path: {
            "runs": one.runs,
            "stages": [
                {
                    "stage": stage.name,
                    "runs": stage.runs,
                    "failed": stage.failed,
                    "values": stage.gave,
                    "calls": stage.calls,
                    "cost": stage.dollars,
                }
                for stage in one.stages
            ],
            "calls_saved": None if one.calls_saved is None else round(one.calls_saved, 1),
            "cost_saved": one.saved,
        }
        for one in counts
    }
