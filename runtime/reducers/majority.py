"""`majority`: the answer that most samples give (self-consistency, arXiv 2203.11171).

With a fixed N, the vote stops as soon as the leader's lead is larger than the number of ballots still out. The winner
is then the one that all N ballots would have given, in whatever order they arrive. With `repeat a..b`, the vote goes on
in batches, counted in the order of the samples, until P(the leader's share > ½) reaches the confidence. This
probability is taken from Beta(v1 + 1, v2 + 1) (Adaptive-Consistency, arXiv 2305.11860). With a `risk` it goes on until
the evidence for the leader is strong enough (``evidence``).

With a fixed N the vote stands against f samples exactly if the lead is larger than 2f + R, where R is the number of
ballots still out. Proof: a changed sample takes at most one vote from the leader and gives one to a rival, so it lowers
the lead by 2 at most. A ballot still out lowers it by 1 at most. With f ≥ 1 and a lead of 2f + R, f ballots for the
leader, the first of them included, can go to the runner-up. Then both are equal, and the runner-up has the first
ballot. If all agree, the vote ends after ⌊N/2⌋ + 1 + f ballots: 26, 28 and 35 of 50 for f = 0, 2 and 9.

With `repeat a..b` two things must hold. f samples could not have ended the vote before with another answer. And the
confidence is reached with f votes less for the leader and f more for the runner-up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from .adaptive import Adaptive, reach_of, way_of, why_not
from .arguments import PARAMS, RISK, SAME, STANDS, held, plurality
from .expected import Over, UntilOver, more_than_half, standing
from .protocol import Reducer, Rule, Setting
from .reach import LEAD, Args, Reach, number, that_can_stand, too_few, with_ballots
from .voting import Vote

if TYPE_CHECKING:
    from fractions import Fraction

CONFIDENCE = 0.95
MOST_COUNTED = 1000
"""A number of votes for one answer that makes the confidence 1 in floating point. More votes change nothing."""


class Majority(Vote):
    def settled(self) -> bool:
        return self.ballots.lead > self.open + 2 * self.against

    def to_stand(self) -> int:
        return max(0, int(self.open + 2 * self.against - self.ballots.lead)) // 2 + 1

    def further(self) -> int:
        # A vote for the runner-up takes 2 from what the lead can still become.
        dissents = -(-int(self.ballots.lead + self.open - 2 * self.against) // 2)
        return min(self.to_stand(), self.until_fallen(dissents))

    def fewest(self) -> int:
        return _fewest(self.setting.most, self.setting.most, self.setting.args)

    def standing(self) -> int:
        return max(0, min(int(self.ballots.lead - self.open - 1) // 2, self.spare))


class Confident(Adaptive):
    def __init__(self, setting: Setting) -> None:
        self.confidence = float(setting.args.get("confidence", CONFIDENCE))
        super().__init__(setting)

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        return led(int(first), int(second)) >= self.confidence

    def lacks(self) -> str:
        found = led(*map(int, self.ballots.leaders))
        return f"the rule needs a confidence of {self.confidence:g}, and the leader has {found:.4g}"


def leading(first: int, second: int) -> float:
    """Return P(p > ½) for p from Beta(first + 1, second + 1), in closed form."""
    total = first + second + 1
    tail = term = 1
    for i in range(second):
        term = term * (total - i) // (i + 1)
        tail += term
    return float((2**total - tail) / 2**total)


def led(first: int, second: int) -> float:
    """Return the same probability for a leader that has votes; 0 without any."""
    return leading(first, second) if first > 0 else 0.0


def _make(setting: Setting) -> Reducer:
    """Make the vote: an adaptive one if it may choose its number of samples."""
    if "risk" in setting.args:
        from .evidence import Certain

        return Certain(setting)
    return Confident(setting) if setting.least < setting.most else Majority(setting)


def _result(given: Given) -> types.Type | Refusal:
    if given.panel and "risk" in given.args:
        said = "a `risk` bounds the error of samples that are alike, and those of a panel come from different items"
        return Refusal(said, "write `ahead(3)` or `majority(confidence: 0.95)`, or repeat without `over`", "risk")
    if "risk" in given.args:
        from .evidence import refusal

        return refusal(given) or held(given, plurality(given))
    sure = given.number("confidence")
    if sure is not None and given.chooses and given.most is not None:
        surest = leading(min(given.most, MOST_COUNTED), 0)
        if surest < sure:
            told = f"{surest:.4g}" if float(f"{surest:.4g}") < sure else f"less than {sure:.15g}"
            said = f"{given.most} votes for the same answer give a confidence of {told}"
            never = "" if told.startswith("less") else f", and never {sure:.10g}"
            return Refusal(said + never, "use a lower confidence, or more samples", "confidence")
    return held(given, plurality(given))


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    if "risk" in args:
        from .evidence import fewest_of

        return fewest_of(least, most, args)
    changed, enough = number(args, "stands", 0), number(args, "at_least", 1)
    if least == most:
        return more_than_half(least, most, args)
    low, sure = max(least, enough + changed), args.get("confidence", CONFIDENCE)
    if not changed or not isinstance(sure, (int, float)):
        return min(most, low)
    certain = float(sure)
    return bisect_left(range(most), True, lo=min(low, most), key=lambda all_: led(all_ - changed, changed) >= certain)


def _ends(least: int, most: int, args: Mapping[str, object]) -> Over | None:
    if "risk" in args:
        from .evidence import ends_by

        return ends_by(least, most, args)
    sure = args.get("confidence", CONFIDENCE)
    changed = number(args, "stands", 0)
    enough = number(args, "at_least", 1) + changed
    if least == most:
        return standing(most, changed, enough)
    if not isinstance(sure, (int, float)):
        return None
    low, certain = max(least, enough), float(sure)

    def over(a: int, b: int) -> bool:
        first, second = max(a, b) - changed, min(a, b) + changed
        return a + b >= low and led(first, second) >= certain

    return over


def _reach(least: int, most: int, args: Args) -> int:
    risk = args.get("risk")
    if isinstance(risk, (int, float)):
        from .evidence import proved

        return reach_of(least, most, args, lambda first, second: proved(risk, first, second))
    sure = args.get("confidence", CONFIDENCE)
    if least == most:
        return LEAD.most(least, most, args)
    certain = float(sure) if isinstance(sure, (int, float)) else 1.0
    return reach_of(least, most, args, lambda first, second: led(first, second) >= certain)


def _why(wanted: int, least: int, most: int, args: Args) -> str:
    return LEAD.why(wanted, least, most, args) if least == most else why_not(wanted, least, most, args, _reach)


REACH = Reach(_reach, _why, way_of)


RULE = Rule(
    ReducerSpec(
        "majority",
        (*PARAMS, ParamSpec("confidence", types.NUMBER, low=0.5, high=1), *RISK, STANDS, SAME),
        with_ballots(_result, REACH),
        "the most frequent answer",
        votes=True,
        spares=True,
        adaptive=True,
        fewest=_fewest,
        expected=UntilOver(_ends),
    ),
    that_can_stand(_make, REACH),
    too_few,
)
