"""The account of the cascades of a run: how many went up to each stage, and what that saved.

The saving is an estimate. It compares the run with one that asks the last paid stage alone, at the mean calls and the
mean price that this stage had where it ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from ..costs.prices import CostOf
from ..vocabulary.amounts import count_text, money_text
from ..vocabulary.cascade_tally import CascadeCount, CascadeTally, StageCount
from ..vocabulary.usage import Usage

_T = TypeVar("_T")
_PLACE = re.compile(r"\[[^\]]*\]")
_CUT = re.compile(r"[.\[]")


def cascade_counts(cascades: Mapping[str, CascadeTally], cost: CostOf) -> tuple[CascadeCount, ...]:
    """Add up the cascades of a run, one sum for each cascade of the plan."""
    found: dict[str, CascadeCount] = {}
    for path, tally in cascades.items():
        name = _PLACE.sub("", path)
        count = found.get(name)
        if count is None:
            count = found[name] = CascadeCount(name, stages=[StageCount(one.name) for one in tally.stages])
        count.runs += 1
        count.broken_off += any(one.end == "open" for one in tally.stages)
        for sums, one in zip(count.stages, tally.stages, strict=False):
            if one.end == "skipped":
                continue
            sums.runs += 1
            sums.failed += one.end == "failed"
            sums.gave += one.end == "value"
            sums.calls += one.calls
            for model, tokens in one.used.items():
                sums.use(model, tokens)
    for count in found.values():
        for stage in count.stages:
            stage.dollars = _dollars(stage, cost)
    return tuple(found.values())


def _dollars(stage: StageCount, cost: CostOf) -> float | None:
    """Return the dollars for the tokens of a stage; None if a price or a number of tokens is not known."""
    each = [None if used is None else cost(model, Usage(*used)) for model, used in stage.used.items()]
    known = [one for one in each if one is not None]
    return sum(known) if len(known) == len(each) else None


def cascade_lines(counts: Iterable[CascadeCount]) -> list[str]:
    """Return one line for each cascade of the plan, however often it ran."""
    return [_line(one) for one in counts]


def _line(count: CascadeCount) -> str:
    parts = [f"{stage.runs:,} went up to {stage.name}" for stage in count.stages[1:] if stage.runs]
    failed = sum(one.failed for one in count.stages[:-1])
    # A cascade that was broken off could have gone up.
    went = " and ".join(parts) or ("" if count.broken_off else "none went up")
    went += f" ({failed:,} after a failure)" if failed and went else ""
    broken = f"{count.broken_off:,} broken off" if count.broken_off else ""
    told = ", ".join(filter(None, (count_text(count.runs, "cascade"), went, broken)))
    return f"{count.path}: {told}{_saving(count)}"


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


def cascades_json(counts: Iterable[CascadeCount]) -> dict[str, Any]:
    """Return the sums of all cascades by their paths without numbers of elements, as `--json` prints them."""
    return {
        one.path: {
            "runs": one.runs,
            **({"broken_off": one.broken_off} if one.broken_off else {}),
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


def outside_cascades(by_path: Mapping[str, _T], cascades: Mapping[str, CascadeTally]) -> dict[str, _T]:
    """Return what does not lie in a cascade, of a mapping by paths."""

    def outside(path: str) -> bool:
        return not any(path[: cut.start()] in cascades for cut in _CUT.finditer(path))

    return {path: one for path, one in by_path.items() if outside(path)}
