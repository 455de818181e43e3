"""Blocks of a plan, written as a flow would write them: the stages of a cascade, and the condition of a search."""

from __future__ import annotations

from collections.abc import Callable

from .. import plan as p
from .. import syntax as s
from ..catalog import Catalog
from ..source import Span
from .errors import UnfitError


def cascade(name: str, block: p.Block, at: Span, line: Callable[[p.Step], s.Line]) -> s.Cascade:
    """Write a cascade. ``line`` writes a stage. Raise UnfitError if the steps of the block are no stages."""
    for stage in block.steps:
        if not stage.branch:
            raise UnfitError(stage.name, "a stage of a cascade has no name that a step could mention")
        if stage.otherwise is not None:
            raise UnfitError(stage.name, "a stage that is skipped has no other value")
    if not block.steps or block.result != block.steps[-1].name:
        raise UnfitError(name, "its last stage is not the last of its steps")
    return s.Cascade(s.Body(tuple(map(line, block.steps)), at), at)


def check_condition(step: p.Step, reduce: p.Reduce, passing: p.Passing, catalog: Catalog) -> None:
    """Raise UnfitError if a reducer cannot have this condition."""
    takes = any(one.asks is not None and one.asks.each for one in catalog.reducers[reduce.rule].params)
    if not takes or reduce.deciding is not None or (passing.condition is None) is (passing.extern is None):
        raise UnfitError(step.name, "only `first` has a condition: an expression, an extern or an ask")


def declared(step: p.Step, key: str, use: str, plan: p.Plan) -> str:
    """Return the key of an extern. Raise UnfitError if the plan declares none of this key."""
    if key not in plan.externs:
        raise UnfitError(step.name, f"the plan declares no extern `{key}`, which {use}")
    return key
