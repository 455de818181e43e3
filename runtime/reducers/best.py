"""`best(by: FIELD)`: the result with the highest number. `best(judge: ask "…")`: the result that a judge prefers.

Of equal results the first wins. A judge is asked twice, with the candidates in opposite orders. If its two answers
differ, the one that stands first among the results wins. `best(judge: ask "…", method: knockout)` compares two
candidates at a time, and another combiner runs the matches.

`best(by: FIELD, enough: 0.9)` is a search. It stops at the first result, in the order of the input, whose number is at
least 0.9, or at most 0.9 with `order: low`. If no result reaches it, the value is the best one of all.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Contest, Tally
from .arguments import BY
from .judging import METHOD, ORDER, Judged, judge, ordered
from .protocol import ReduceError, Rule, Setting
from .search import Search, expected, fewest, searched

_ENOUGH = ParamSpec("enough", types.NUMBER)


class Best(Judged):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.enough = setting.args.get("enough")
        launch = "latency" if setting.unit != "ballot" else setting.launch
        self.search = None if self.enough is None else Search.of(setting.least, setting.most, launch)

    def add(self, index: int, value: Json) -> None:
        super().add(index, value)
        if self.search is not None:
            self.search.tell(index, passes=self._reaches(value))

    def skip(self, index: int) -> None:
        if self.search is not None:
            self.search.tell(index, passes=False)

    @property
    def decided(self) -> bool:
        return self.search is not None and self.search.decided

    def wanted(self, launched: int) -> int:
        return super().wanted(launched) if self.search is None else self.search.wanted(launched)

    def _reaches(self, value: Json) -> bool:
        number = None if value is None else value.get(self.setting.args["by"])
        if number is None:
            return False
        return bool(number <= self.enough if self.setting.args.get("order") == "low" else number >= self.enough)

    def value(self) -> Json:
        if self.search is not None and self.search.found is not None:
            return self.results[self.search.found]
        order = self.order()
        if not order:
            raise ReduceError("the list of results is empty")
        return self.results[order[0]]

    def tally(self, launched: int) -> Tally | None:
        search = self.search
        if search is None or not self._present():
            return None
        unit = "sample" if self.setting.unit == "ballot" else self.setting.unit
        account = Contest("enough", search.found, search.known, search.most, unit=unit)
        return searched(account, self.value(), launched)


_ORDERED = ordered("best", lambda item: item)


def _result(given: Given) -> types.Type | Refusal:
    if given.chooses and "enough" not in given.args:
        return Refusal(
            "`best` cannot decide after how many samples to stop",
            "write a single number, or the number that is enough: `best(by: score, enough: 0.9)`",
            code="F0402",
        )
    if "enough" in given.args and "by" not in given.args:
        help = "name the field with the number, `best(by: score, enough: 0.9)`, or delete `enough`"
        return Refusal("`enough` works only with a field: a judge gives no numbers", help, "enough")
    found = _ORDERED(given)
    enough, by = given.number("enough"), given.args.get("by")
    if isinstance(found, Refusal) or enough is None or not isinstance(by, str):
        return found
    field = found.field(by) if isinstance(found, types.Record | types.Union) else None
    number = None if field is None else types.unwrapped(field.type)
    return _out_of_reach(number, by, enough, low=given.args.get("order") == "low") or found


def _out_of_reach(number: types.Type | None, by: str, enough: float, *, low: bool) -> Refusal | None:
    """Refuse a number that each result reaches, or none."""
    if not isinstance(number, types.Range):
        return None
    between, sign = f"`{by}` is from {number.low:g} to {number.high:g}", -1 if low else 1
    ends = sorted((sign * number.low, sign * number.high))
    if sign * enough > ends[1]:
        problem = f"no result can reach {enough:g}: {between}"
    elif sign * enough <= ends[0]:
        problem = f"each result reaches {enough:g}: {between}"
    else:
        return None
    return Refusal(problem, "name a number between the two", "enough", "F0772")


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    return fewest(least, most) if "enough" in args else most


RULE = Rule(
    ReducerSpec(
        "best",
        (BY, judge(types.INT), ORDER, _ENOUGH, METHOD),
        _result,
        "the best result",
        adaptive=True,
        needs=True,
        fewest=_fewest,
        expected=expected,
    ),
    Best,
)
