"""`majority`: the answer that most samples give (self-consistency, arXiv 2203.11171).

With a fixed N, the vote stops as soon as the leader's lead is larger than the number of ballots still out. The winner
is then the one that all N ballots would have given, in whatever order they arrive. With `repeat a..b`, the vote goes on
in batches, counted in the order of the samples, until P(the leader's share > ½) reaches the confidence. This
probability is taken from Beta(v1 + 1, v2 + 1) (Adaptive-Consistency, arXiv 2305.11860).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from .adaptive import Adaptive
from .expected import expected_samples
from .protocol import Reducer, Rule, Setting
from .reach import with_ballots
from .voting import PARAMS, Vote, plurality

CONFIDENCE = 0.95
MOST_COUNTED = 1000
"""A number of votes for one answer that makes the confidence 1 in floating point. More votes change nothing."""


class Majority(Vote):
    def settled(self) -> bool:
        return self.ballots.lead > self.open

    def further(self) -> int:
        return max(0, int(self.open - self.ballots.lead)) // 2 + 1


class Confident(Adaptive):
    def __init__(self, setting: Setting) -> None:
        self.confidence = float(setting.args.get("confidence", CONFIDENCE))
        super().__init__(setting)

    def holds(self, first: Fraction | int, second: Fraction | int) -> bool:
        return first > 0 and leading(int(first), int(second)) >= self.confidence

    def further(self) -> int:
        first, second = map(int, self.ballots.leaders)
        second += self.lost
        most = self.setting.most
        return bisect_left(range(1, most), True, key=lambda more: leading(first + more, second) >= self.confidence) + 1


def leading(first: int, second: int) -> float:
    """Return P(p > ½) for p from Beta(first + 1, second + 1), in closed form."""
    total = first + second + 1
    tail = term = 1
    for i in range(second):
        term = term * (total - i) // (i + 1)
        tail += term
    return float((2**total - tail) / 2**total)


def _make(setting: Setting) -> Reducer:
    return Confident(setting) if setting.least < setting.most else Majority(setting)


def _result(given: Given) -> types.Type | Refusal:
    sure = given.number("confidence")
    if sure is not None and given.chooses and given.most is not None:
        surest = leading(min(given.most, MOST_COUNTED), 0)
        if surest < sure:
            said = f"{given.most} votes for the same answer give a confidence of {surest:.4g}, and never {sure:.10g}"
            return Refusal(said, "use a lower confidence, or more samples", "confidence")
    return plurality(given)


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    enough = args.get("at_least")
    return max(most // 2 + 1 if least == most else least, enough if isinstance(enough, int) else 1)


def _expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    sure = args.get("confidence", CONFIDENCE)
    enough = _fewest(1, 1, args)
    if least == most:
        return expected_samples(most, right, lambda a, b: abs(a - b) > most - a - b and a + b >= enough)
    if not isinstance(sure, (int, float)):
        return None
    low = max(least, enough)
    return expected_samples(most, right, lambda a, b: a + b >= low and leading(max(a, b), min(a, b)) >= sure)


RULE = Rule(
    ReducerSpec(
        "majority",
        (*PARAMS, ParamSpec("confidence", types.NUMBER, low=0.5, high=1)),
        with_ballots(_result),
        "the most frequent answer",
        votes=True,
        spares=True,
        adaptive=True,
        fewest=_fewest,
        expected=_expected,
    ),
    _make,
)
