"""`first`: a race. The value is the first result to arrive, and the calls that still run are taken back.

The race is the only rule whose value depends on time. A failed or missing result does not win. If all results fail or
are missing, the block fails.

`first(if: CONDITION)` is a search. The value is the first result that passes, in the order of the input. Another
combiner runs it, because it judges results while others are still to come.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import AskSpec, Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, ReduceError, Rule
from .search import expected, fewest

_IF = ParamSpec("if", types.BOOL, asks=AskSpec(lambda item: types.BOOL, 1, 1, 1, each=True))


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


def _result(given: Given) -> types.Type | Refusal:
    if given.chooses and "if" not in given.args:
        return Refusal(
            "a race cannot decide after how many samples to stop",
            "write a single number, or a condition for the first that passes: `first(if: result.score > 0.8)`",
            code="F0402",
        )
    return types.unwrapped(types.join(given.each))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    return fewest(least, most)


RULE = Rule(
    ReducerSpec(
        "first",
        (_IF,),
        _result,
        "the first result that arrives, or the first that passes a condition",
        spares=True,
        adaptive=True,
        needs=True,
        fewest=_fewest,
        expected=expected,
    ),
    First,
)
