"""`first`: a race. The value is the result that is there first, and what still runs is taken back.

It is the one rule whose value depends on time. A result that failed or is missing does not win; when all do, the block
fails.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Given, ReducerSpec, types

from .protocol import Gathering, Json, ReduceError, Rule


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
        raise ReduceError(f"none of the {self.setting.most} gave anything")


def _result(given: Given) -> types.Type:
    return types.unwrapped(types.join(given.each))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    return 1


RULE = Rule(
    ReducerSpec("first", (), _result, "the one that is there first", spares=True, needs=True, fewest=_fewest), First
)
