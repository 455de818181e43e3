"""Lists that are never whole in memory: results handed on as they come, and inputs that are read once by maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flowrun.dsl import plan as p

from ..plans.free_names import mentions, spoken
from ..reducers import Setting
from ..reducers.protocol import Gathering
from .combining import SKIPPED

Json = Any


class Handing(Gathering):
    """A reducer in place of `collect` or `flatten` that hands on each result in the order of the input.

    A result waits here only for its turn. The value of the reducer is the number of results.
    """

    def __init__(self, setting: Setting, hand_on: Callable[[Json], None], *, flat: bool) -> None:
        super().__init__(setting)
        self.hand_on = hand_on
        self.flat = flat
        self.count = 0
        self._next = 0

    def add(self, index: int, value: Json) -> None:
        super().add(index, value)
        while self._next in self.results:
            value = self.results.pop(self._next)
            self._next += 1
            if value is SKIPPED:
                continue
            for one in (value or ()) if self.flat else (value,):
                self.hand_on(one)
                self.count += 1

    def skip(self, index: int) -> None:
        self.add(index, SKIPPED)

    def value(self) -> Json:
        return self.count


def handed_on(plan: p.Plan) -> p.Step | None:
    """Find the map or repeat whose list the flow returns as it is. None if the flow also uses that list elsewhere."""
    if not isinstance(plan.result, p.Ref):
        return None
    name = plan.result.name
    step = next((step for step in plan.steps if step.name == name), None)
    if step is None or not isinstance(step.node, p.Map | p.Repeat) or step.when is not None:
        return None
    reduce = step.node.reduce
    if reduce.ask is not None or reduce.extern is not None or reduce.rule not in ("collect", "flatten"):
        return None
    todo = list(plan.steps)
    while todo:
        one = todo.pop()
        if name in spoken(one):
            return None
        todo.extend(one.block.steps if one.block is not None else ())
    return step


def only_mapped(plan: p.Plan, name: str) -> bool:
    """Tell whether the flow uses a parameter only as the source of maps, or for its length."""
    length = p.CallOf("length", {"of": p.Ref(name)})
    if name in mentions([] if plan.result == length else [plan.result]):
        return False
    mapped = False
    todo = list(plan.steps)
    while todo:
        step = todo.pop()
        todo.extend(step.block.steps if step.block is not None else ())
        node = step.node
        if isinstance(node, p.Map) and node.source == p.Ref(name):
            mapped = True
            step = replace(step, node=replace(node, source=p.Constant([])))
        elif isinstance(node, p.Value) and node.expr == length:
            continue
        if name in spoken(step):
            return False
    return mapped
