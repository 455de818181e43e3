"""The steps of a plan that a path of a run leads through."""

from __future__ import annotations

from collections.abc import Iterable

from flowrun.dsl import pattern
from flowrun.dsl import plan as p

_PART = pattern(r"([^.\[\]]+)((?:\[\d+\])*)")
_UNNAMED = pattern(r"(ask|map|repeat|fanout|chain|match|value|flow|extern)(\d*)")


def parts_of(path: str) -> list[tuple[str, str]]:
    """Split a path into the names of its steps and the numbers behind them: ``notes[17].draft``."""
    return [(found[1], found[2]) for found in _PART.finditer(path)]


def steps_at(plan: p.Plan, path: str) -> list[p.Step]:
    """Return the steps from the outermost to the innermost. The list ends where the plan has no such step."""
    found: list[p.Step] = []
    steps: tuple[p.Step, ...] = plan.steps
    for name, _ in parts_of(path):
        step = step_named(steps, name)
        if step is None:
            break
        found.append(step)
        if step.block is not None:
            steps = step.block.steps
        elif isinstance(step.node, p.FlowCall) and step.node.flow in plan.flows:
            steps = plan.flows[step.node.flow].steps
        else:
            break
    return found


def step_named(steps: Iterable[p.Step], name: str) -> p.Step | None:
    """Find a step by its name, by its line (``line 3``), or, if it has no name, by its kind and order (``ask2``)."""
    steps = tuple(steps)
    for step in steps:
        if name in (step.name, step.title):
            return step
    found = _UNNAMED.fullmatch(name)
    if found is None:
        return None
    unnamed = [step for step in steps if step.name.startswith("#") and step.node.kind == found[1]]
    order = int(found[2] or 1) - 1
    return unnamed[order] if 0 <= order < len(unnamed) else None
