"""`ahead(k)`: the first answer that is k votes ahead of every other (MAKER, arXiv 2511.09030).

Suppose that one sample is right with probability p, and that all wrong samples give the same answer. Then the value is
right with probability 1 / (1 + ((1 − p) / p)^k). `ahead(target: 0.999, steps: s)` takes the smallest k with which s
such votes in a row are all right with the target's probability.

With `stands: f` the vote ends at a lead of k + 2f: f changed ballots leave a lead of k. It can hold only if f samples
alone cannot be k votes ahead of all others where the vote may end first. So f must be less than k if the least number
of samples is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log
from typing import TYPE_CHECKING

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from .adaptive import Adaptive, reach_of, way_of, why_not
from .arguments import HOLDS, PARAMS, SAME, STANDS, held, plurality
from .expected import Over, UntilOver
from .protocol import Rule, Setting
from .reach import Args, Reach, beyond, number, that_can_stand, too_few, with_ballots

if TYPE_CHECKING:
    from fractions import Fraction

RIGHT = 0.8
"""The probability that one sample is right, if the flow does not give it."""


NO_LEAD = "an answer cannot be {needed} votes ahead in a vote of {most}"


class Ahead(Adaptive):
    def __init__(self, setting: Setting) -> None:
        self.lead = lead_of(setting.args) or 1
        super().__init__(setting)

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        return first - second >= self.lead

    def lacks(self) -> str:
        return f"the leader must be {self.lead} ahead, and is {int(self.ballots.lead)} ahead"

    def further(self) -> int:
        return max(1, self.lead + self.lost + 2 * self.against - int(self.ballots.lead))


def lead_of(args: Mapping[str, object]) -> int | None:
    """Return the lead that the arguments ask for. None if they do not set it."""
    lead, target = args.get("lead"), args.get("target")
    if isinstance(lead, int):
        return max(1, lead)
    steps, right = args.get("steps", 1), args.get("right", RIGHT)
    if not isinstance(target, (int, float)) or not isinstance(steps, int) or not isinstance(right, (int, float)):
        return None
    return lead_for(target, steps, right)


def lead_for(target: float, steps: int, right: float) -> int:
    """Return the smallest lead with which ``steps`` votes in a row are all right with the target's probability."""
    if not 0 < target < 1 or not 0.5 < right < 1:
        return 1
    odds = target ** (-1 / max(1, steps)) - 1
    # Rounded logarithms could miss a lead that meets the target exactly.
    return max(1, ceil(log(odds) / log((1 - right) / right) - 1e-9))


def _never(setting: Setting) -> str:
    lead = lead_of(setting.args) or 1
    return NO_LEAD.format(needed=lead, most=setting.most) if lead > setting.most else too_few(setting)


def _result(given: Given) -> types.Type | Refusal:
    if given.least is None or not given.chooses:
        help = "write the least and the greatest number of samples, `repeat 3..15`, or use `majority`"
        return Refusal("`ahead` chooses the number of samples, and here the number is fixed", help)
    if ("lead" in given.args) == ("target" in given.args):
        return Refusal("`ahead` needs either a lead or a target", "write `ahead(3)` or `ahead(target: 0.999)`")
    for name in ("steps", "right"):
        if name in given.args and "target" not in given.args:
            return Refusal(
                f"`{name}` works only with a target", f"delete it, or write `target: 0.999, {name}: …`", name
            )
    lead = lead_of(given.args)
    arg = "lead" if "lead" in given.args else "target"
    far = beyond(lead, given, arg, NO_LEAD)
    return far or held(given, plurality(given))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    changed = number(args, "stands", 0)
    enough = number(args, "at_least", 1) + changed if changed else 1
    return min(most, max(least, enough, (lead_of(args) or 1) + 2 * changed))


def _ends(least: int, most: int, args: Mapping[str, object]) -> Over | None:
    lead = lead_of(args)
    if lead is None:
        return None
    wanted = lead + 2 * number(args, "stands", 0)
    return lambda a, b: a + b >= least and abs(a - b) >= wanted


def _reach(least: int, most: int, args: Args) -> int:
    lead = lead_of(args) or most
    return reach_of(least, most, args, lambda first, second: first - second >= lead)


REACH = Reach(_reach, lambda wanted, least, most, args: why_not(wanted, least, most, args, _reach), way_of)


RULE = Rule(
    ReducerSpec(
        "ahead",
        (
            ParamSpec("lead", types.INT, low=1),
            ParamSpec("target", types.NUMBER, low=0.5, high=0.999999999),
            ParamSpec("steps", types.INT, low=1),
            ParamSpec("right", types.NUMBER, low=0.51, high=0.999),
            *PARAMS,
            HOLDS,
            STANDS,
            SAME,
        ),
        with_ballots(_result, REACH),
        "the first answer that leads by so many votes",
        votes=True,
        spares=True,
        adaptive=True,
        fewest=_fewest,
        expected=UntilOver(_ends),
    ),
    that_can_stand(Ahead, REACH),
    _never,
)
