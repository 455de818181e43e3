"""`majority`: the answer that most samples give.

With a fixed N the vote stops as soon as the leader's lead is larger than the number of ballots still out: the
winner is then the one that all N would have given, in whatever order they arrive. With `repeat a..b` it goes on
in batches, counted in the order of the samples, until P(the leader's share > ½) reaches the confidence, taken
from Beta(v1 + 1, v2 + 1) (Adaptive-Consistency, arXiv 2305.11860).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from flowrun.dsl import ParamSpec, ReducerSpec, Refusal, types

from .ballots import Ballots
from .protocol import Json, ReduceError, Rule, Setting, Tally

CONFIDENCE = 0.95


class Majority:
    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.ballots = Ballots()
        self.adaptive = setting.least < setting.most
        self.confidence = float(setting.args.get("confidence", CONFIDENCE))
        self.enough = max(1, int(setting.args.get("at_least", 1)))
        self._batch = 0

    def add(self, index: int, value: Json) -> None:
        # A body that was skipped has nothing to say: it abstains.
        if value is None:
            self.ballots.skip(index)
        else:
            self.ballots.add(index, value)

    def skip(self, index: int) -> None:
        self.ballots.skip(index)

    @property
    def _open(self) -> int:
        return self.setting.most - self.ballots.seen

    @property
    def decided(self) -> bool:
        if self.setting.launch == "together" or self.ballots.counted < self.enough:
            return False
        if not self.adaptive:
            return self.ballots.lead > self._open
        return self.ballots.seen >= self._batch and self._sure(*self.ballots.leaders)

    def _sure(self, first: int, second: int) -> bool:
        return first > 0 and self.ballots.seen >= self.setting.least and leading(first, second) >= self.confidence

    def wanted(self, launched: int) -> int:
        setting = self.setting
        left = setting.most - launched
        flying = launched - self.ballots.seen
        if setting.launch != "cost" and not self.adaptive:
            return left
        if self.adaptive:
            if flying:
                return 0
            batch = min(max(self._needed(), setting.least - launched), left)
            self._batch = launched + batch
            return batch
        # Before this many more agree nothing can be decided, so asking for them at once wastes none.
        useful = max((self._open - self.ballots.lead) // 2 + 1, self.enough - self.ballots.counted)
        return max(0, min(useful - flying, left))

    def _needed(self) -> int:
        """The fewest further ballots that could settle it, if all were for the leader."""
        first, second = self.ballots.leaders
        most = self.setting.most
        fewer = bisect_left(range(1, most), True, key=lambda more: leading(first + more, second) >= self.confidence)
        return fewer + 1

    def value(self) -> Json:
        if self.ballots.counted < self.enough:
            raise ReduceError(
                f"the vote has {self.ballots.counted} of {self.setting.most} ballots, and needs {self.enough}: "
                f"{self.ballots.discarded} answers failed or were no answer"
            )
        if self.ballots.tied and self.setting.args.get("ties") == "error":
            raise ReduceError(f"the vote ended in a tie: {self.ballots.text()}")
        return self.ballots.winner

    def tally(self) -> Tally | None:
        if not self.ballots.counted:
            return None
        return Tally(
            self.ballots.winner, self.ballots.counts(), self.setting.most, self.ballots.discarded, self.adaptive
        )


def leading(first: int, second: int) -> float:
    """P(p > ½) for p from Beta(first + 1, second + 1), in closed form."""
    total = first + second + 1
    tail = term = 1
    for i in range(second):
        term = term * (total - i) // (i + 1)
        tail += term
    return float((2**total - tail) / 2**total)


def _result(given: Mapping[str, types.Type] | types.Type) -> types.Type | Refusal:
    type_ = types.join(given.values()) if isinstance(given, Mapping) else given
    if isinstance(types.unwrapped(type_), types.Record | types.ListOf) or type_ == types.JSON:
        return Refusal(
            f"a vote counts equal answers, and no two of type {types.show(type_)} will be",
            'let the block\'s last line be the one field to vote on, or combine with `reduce ask "…"`',
        )
    return type_.item if isinstance(type_, types.Optional) else type_


RULE = Rule(
    ReducerSpec(
        "majority",
        (
            ParamSpec("ties", types.Choice(("first", "error"))),
            ParamSpec("at_least", types.INT, low=1),
            ParamSpec("confidence", types.NUMBER, low=0.5, high=1),
        ),
        _result,
        "the answer given most often",
        votes=True,
        adaptive=True,
        fewest=lambda least, most: most // 2 + 1 if least == most else least,
    ),
    Majority,
)
