"""`approval`: each sample lists all the answers that it approves of, and the answer approved of most often wins.

(S. J. Brams and P. C. Fishburn, American Political Science Review 72 (3), 1978.) The vote is decided when the leader's
lead is larger than the number of ballots still out. An empty list approves of nothing, and is a ballot.

The vote stands against f samples under the same condition as `majority`. A changed ballot takes an approval from the
leader and gives one to a rival. A lead of more than 2f comes from more than f ballots with the leader and without the
rival, so f such ballots are there to be changed.
"""

from __future__ import annotations

from flowrun.dsl import Given, ReducerSpec, Refusal, alike, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .arguments import AT_LEAST, STANDS, ties, told_apart
from .expected import more_than_half, until_uncatchable
from .majority import Majority
from .protocol import ReduceError, Rule
from .reach import LEAD, that_can_stand, too_few, with_ballots


class Approval(Majority):
    def cast(self, index: int, value: Json) -> bool:
        self.ballots.seen += 1
        known = set()
        for place, answer in enumerate(value):
            key = self.ballots.key(answer)
            if key not in known:
                known.add(key)
                self.ballots.mark(index, answer, answer, place=place)
        return True

    def answer_type(self) -> types.Type:
        return inner_type(super().answer_type())

    def settled(self) -> bool:
        return bool(self.ballots.ranked()) and super().settled()

    @property
    def decided(self) -> bool:
        return bool(self.ballots.ranked()) and super().decided

    def value(self) -> Json:
        if self.ballots.counted >= self.enough and not self.ballots.ranked() and not self.lost:
            raise ReduceError(f"all {self.ballots.counted} ballots are empty lists")
        return super().value()

    def tally(self, launched: int) -> Tally | None:
        return super().tally(launched) if self.ballots.ranked() else None


def inner_type(list_type: types.Type) -> types.Type:
    """Return the type of one answer on a ballot. A ballot is a list of answers."""
    return types.unwrapped(list_type.item) if isinstance(list_type, types.ListOf) else types.UNKNOWN


def listed(given: Given, name: str) -> types.Type | Refusal:
    """Return the type of one answer. Refuse results that are not lists of answers."""
    item = types.unwrapped(given.item)
    if item == types.UNKNOWN:
        return item
    inner = inner_type(item)
    if isinstance(inner, types.Choice) and (pair := alike(inner.options)):
        return told_apart(*pair)
    listless = not isinstance(item, types.ListOf)
    if listless or isinstance(inner, types.Record | types.Union | types.ListOf | types.Mixed) or inner == types.JSON:
        return Refusal(
            f"a ballot of `{name}` must be a list of answers, and these results are {types.show(item)}",
            "ask for a list, `-> [A | B | C]`, or use `majority`",
        )
    return inner


RULE = Rule(
    ReducerSpec(
        "approval",
        (ties(alone=1), AT_LEAST, STANDS),
        with_ballots(lambda given: listed(given, "approval"), LEAD),
        "the answer that appears in the most ballots",
        votes=True,
        spares=True,
        fewest=more_than_half,
        expected=until_uncatchable,
    ),
    that_can_stand(Approval, LEAD),
    too_few,
)
