"""`weighted(by: FIELD)`: the answer with the greatest sum of weights. Each ballot brings its own weight in a field.

The field is a range, such as `0..1`, which tells the vote the greatest weight of a ballot. The vote is decided when the
leader's lead is larger than the weight that is still open. Its value is that of all N ballots, in whatever order they
arrive.

A changed ballot takes its weight from the leader, and may bring the greatest weight W to a rival. So the vote stands
against f samples exactly if the lead is larger than R · W + f · W + the f greatest weights for the leader, where R is
the number of ballots still out. Other ballots than the leader's change less. The weights of the samples do not tell how
sure this is: a changed sample weighs what it likes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .arguments import AT_LEAST, SAME, STANDS, TIES, counted, field_of
from .expected import more_than_half, until_uncatchable
from .protocol import Rule, Setting
from .reach import LEAD, that_can_stand, too_few, with_ballots
from .voting import Vote


class Weighted(Vote):
    def __init__(self, setting: Setting) -> None:
        item = types.unwrapped(setting.item)
        self.weight = str(setting.args["by"])
        answer = setting.args.get("of") or _answer(item, self.weight)
        # The weights of each answer's ballots, the smallest first.
        self.weights: dict[str, list[Fraction]] = {}
        # The sums of the winner's greatest weights, and the number of samples for which they hold.
        self._sums: tuple[int, list[Fraction]] = (0, [Fraction(0)])
        super().__init__(replace(setting, args={**setting.args, "by": answer}))
        self.setting = setting
        field = item.field(self.weight) if isinstance(item, types.Record | types.Union) else None
        self.heaviest = Fraction(field.type.high) if field and isinstance(field.type, types.Range) else Fraction(1)

    def cast(self, index: int, value: Json) -> bool:
        answer, weight = value.get(self.by), value.get(self.weight)
        if answer is None or weight is None or not 0 <= weight <= self.heaviest:
            return False
        self.ballots.add(index, answer, value, weight)
        insort(self.weights.setdefault(self.ballots.key(answer), []), Fraction(weight))
        return True

    def settled(self) -> bool:
        return self.ballots.lead > self.open * self.heaviest + self._losses()(0)

    def _losses(self) -> Callable[[int], Fraction]:
        """Make the function that returns the most that the lead loses by the changed samples.

        It gets a number of ballots of the greatest weight that come before. They are changed first.
        """
        changed = self.against
        if self._sums[0] != self.ballots.seen:
            leader = self.ballots.ranked()[:1]
            own = self.weights[leader[0]][-changed:] if changed and leader else []
            self._sums = self.ballots.seen, list(accumulate(reversed(own), initial=Fraction(0)))
        sums = self._sums[1]

        def loss(coming: int) -> Fraction:
            taken = min(changed, coming)
            return (changed + taken) * self.heaviest + sums[min(changed - taken, len(sums) - 1)]

        return loss

    def further(self) -> int:
        if not self.against:
            return self.to_stand()
        left, twice, loss = self.open, 2 * self.heaviest, self._losses()
        most = self.ballots.lead + left * self.heaviest
        falls = bisect_left(range(left), True, key=lambda dissents: most - dissents * twice <= loss(left - dissents))
        return min(self.to_stand(), self.until_fallen(falls))

    def to_stand(self) -> int:
        if not self.heaviest:
            return self.open
        # Each ballot for the leader adds to the lead and takes from what is open.
        lead, least, twice = self.ballots.lead, self.open * self.heaviest, 2 * self.heaviest
        if not self.against:
            return 1 if least < lead else int((least - lead) // twice) + 1
        loss, enough = self._losses(), range(1, self.setting.most + 1)
        return 1 + bisect_left(enough, True, key=lambda more: lead + more * twice > least + loss(more))

    def fewest(self) -> int:
        return more_than_half(self.setting.most, self.setting.most, self.setting.args)

    def standing(self) -> int:
        lead, found = self.ballots.lead - self.open * self.heaviest, 0
        for weight in reversed(self.weights[self.ballots.ranked()[0]] if self.ballots.ranked() else []):
            lead -= weight + self.heaviest
            if lead <= 0:
                break
            found += 1
        return min(found, self.spare)


def _answer(item: types.Type, weight: str) -> str | None:
    """Return the name of the only field besides the weight. None if there are several or none."""
    names = (
        [field.name for field in item.fields if field.name != weight]
        if isinstance(item, types.Record | types.Union)
        else []
    )
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
        if of is None and isinstance(item, types.Record | types.Union):
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
            STANDS,
            SAME,
        ),
        with_ballots(_result, LEAD),
        "the answer with the greatest sum of weights",
        votes=True,
        spares=True,
        fewest=more_than_half,
        expected=until_uncatchable,
    ),
    that_can_stand(Weighted, LEAD),
    too_few,
)
