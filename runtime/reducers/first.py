"""`first`: a race. The value is the first result to arrive, and the calls that still run are taken back.

It is the only rule whose value depends on time. A failed or missing result does not win. If all results fail or are
missing, the block fails.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Given, ReducerSpec, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, ReduceError, Rule


class First(Gathering):
    def add(self, index: int, value: Json) -> None:
        if not self.results and value is not None:
            self.results[index] = value

    @property
    def decided(self) -> bool:
        return bool(self.results)

    def value(self) -> Json:
        for value in self.results.values():
            return value
        raise ReduceError(f"none of the {self.setting.most} samples gave an answer")


def _result(given: Given) -> types.Type:
    return types.unwrapped(types.join(given.each))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    return 1


RULE = Rule(
    ReducerSpec("first", (), _result, "the first result that arrives", spares=True, needs=True, fewest=_fewest), First
)
