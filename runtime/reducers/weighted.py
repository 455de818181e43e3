"""`weighted(by: FIELD)`: the answer with the greatest sum of weights. Each ballot brings its own weight in a field.

The field is a range, such as `0..1`, which tells the vote the greatest weight of a ballot. The vote is decided when the
leader's lead is larger than the weight that is still open. Its value is that of all N ballots, in whatever order they
arrive.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .expected import more_than_half, until_uncatchable
from .protocol import Rule, Setting
from .reach import with_ballots
from .voting import AT_LEAST, TIES, Vote, counted, field_of


class Weighted(Vote):
    def __init__(self, setting: Setting) -> None:
        item = types.unwrapped(setting.item)
        self.weight = str(setting.args["by"])
        answer = setting.args.get("of") or _answer(item, self.weight)
        super().__init__(replace(setting, args={**setting.args, "by": answer}))
        self.setting = setting
        field = item.field(self.weight) if isinstance(item, types.Record) else None
        self.heaviest = Fraction(field.type.high) if field and isinstance(field.type, types.Range) else Fraction(1)

    def cast(self, index: int, value: Json) -> bool:
        answer, weight = value.get(self.by), value.get(self.weight)
        if answer is None or weight is None or not 0 <= weight <= self.heaviest:
            return False
        self.ballots.add(index, answer, value, weight)
        return True

    def settled(self) -> bool:
        return self.ballots.lead > self.open * self.heaviest

    def further(self) -> int:
        # Each ballot for the leader adds to the lead and takes from what is open.
        missing = self.open * self.heaviest - self.ballots.lead
        return 1 if missing < 0 else int(missing // (2 * self.heaviest)) + 1 if self.heaviest else self.open


def _answer(item: types.Type, weight: str) -> str | None:
    """Return the name of the only field besides the weight. None if there are several or none."""
    names = [field.name for field in item.fields if field.name != weight] if isinstance(item, types.Record) else []
    return names[0] if len(names) == 1 else None


def _result(given: Given) -> types.Type | Refusal:
    item, weight = types.unwrapped(given.item), given.args.get("by")
    if item == types.UNKNOWN or not isinstance(weight, str):
        return item
    found = field_of(item, weight, "by")
    if isinstance(found, Refusal):
        return found
    if not isinstance(found, types.Range) or found.low < 0:
        return Refusal(
            f"a weight must be a number with a range, and `{weight}` is {types.show(found)}",
            f"give the field a range from 0, such as `{weight}: 0..10` or `{weight}: 0.0..1.0`",
            "by",
        )
    of = given.args.get("of")
    if "of" not in given.args:
        of = _answer(item, weight)
        if of is None and isinstance(item, types.Record):
            names = " or ".join(f"`of: {field.name}`" for field in item.fields if field.name != weight)
            said = (
                "the vote needs the name of the field with the answer"
                if names
                else f"the results have no field for the answer, only the weight `{weight}`"
            )
            return Refusal(said, f"write {names}" if names else "add a field for the answer", "by")
    answer = counted(replace(given, args={**given.args, "of": of}), "of")
    return answer if isinstance(answer, Refusal) else item


RULE = Rule(
    ReducerSpec(
        "weighted",
        (
            ParamSpec("by", types.TEXT, required=True, takes_field=True),
            ParamSpec("of", types.TEXT, takes_field=True),
            TIES,
            AT_LEAST,
        ),
        with_ballots(_result),
        "the answer with the greatest sum of weights",
        votes=True,
        spares=True,
        fewest=more_than_half,
        expected=until_uncatchable,
    ),
    Weighted,
)
