"""Hands the results of a map to whoever wants them as they come, and keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowrun.dsl import plan as p

from .combining import SKIPPED
from .mentions import spoken
from .reducers import Question, Setting
from .tally import Tally

Json = Any


class Handing:
    """In place of `collect` or `flatten`: results leave in the order of the input, and wait here for their turn alone.

    Its value is how many there were.
    """

    decided = False

    def __init__(self, setting: Setting, hand_on: Callable[[Json], None], *, flat: bool) -> None:
        self.setting = setting
        self.hand_on = hand_on
        self.flat = flat
        self.count = 0
        self._waiting: dict[int, Json] = {}
        self._next = 0

    def add(self, index: int, value: Json) -> None:
        self._waiting[index] = value
        while self._next in self._waiting:
            value = self._waiting.pop(self._next)
            self._next += 1
            if value is SKIPPED:
                continue
            for one in (value or ()) if self.flat else (value,):
                self.hand_on(one)
                self.count += 1

    def skip(self, index: int) -> None:
        self.add(index, SKIPPED)

    def wanted(self, launched: int) -> int:
        return self.setting.most - launched

    def questions(self) -> Sequence[Question]:
        return ()

    def heard(self, answers: Sequence[Json]) -> None:
        return None

    def value(self) -> Json:
        return self.count

    def tally(self, launched: int) -> Tally | None:
        return None


def handed_on(plan: p.Plan) -> p.Step | None:
    """The map or repeat whose list the flow returns as it is, where nothing else in the flow has a use for it."""
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
