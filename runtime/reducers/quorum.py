"""`quorum(q)`: the answer that at least q samples give, or a failure.

The vote is decided when an answer has q votes and no other can pass it. It fails as soon as no answer can reach q. Its
value is that of all N ballots, in whatever order they arrive. (Quorums as in R. H. Thomas, ACM TODS 4 (2), 1979.)
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .expected import expected_samples
from .protocol import ReduceError, Rule, Setting
from .reach import beyond, with_ballots
from .voting import PARAMS, Vote, plurality

NO_QUORUM = "an answer cannot have {needed} votes in a vote of {most}"


class Quorum(Vote):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.needed = max(1, int(setting.args["votes"]))
        if self.needed > setting.most:
            raise ReduceError(NO_QUORUM.format(needed=self.needed, most=setting.most))

    @property
    def _first(self) -> int:
        return int(self.ballots.leaders[0])

    def settled(self) -> bool:
        if self._first + self.open < self.needed:
            return True
        certain = 2 * self.needed > self.setting.most or self.ballots.lead > self.open
        return self._first >= self.needed and certain

    def further(self) -> int:
        # The first ballot differs from none.
        dissents = self._first + self.open - self.needed + (1 if self._first else 2)
        passed = 1 if 2 * self.needed > self.setting.most else max(0, int(self.open - self.ballots.lead)) // 2 + 1
        return min(dissents, max(self.needed - self._first, passed))

    def value(self) -> Json:
        value = super().value()
        if self._first < self.needed:
            said = f"no answer has the {self.needed} votes that the quorum needs"
            raise ReduceError(f"{said}: {self.ballots.text()} of {self.setting.most}")
        return value

    def succeeded(self) -> bool:
        return self._first >= self.needed


def _result(given: Given) -> types.Type | Refusal:
    return beyond(given.number("votes"), given, "votes", NO_QUORUM) or plurality(given)


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    needed = args.get("votes")
    if not isinstance(needed, int) or not 1 <= needed <= most:
        return 1
    # The vote fails when the ballots differ so much that no answer can reach the quorum.
    passed = needed if 2 * needed > most else max(needed, most // 2 + 1)
    return max(min(2, most), min(passed, most - needed + 2)) if needed > 1 else passed


def _expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    needed = args.get("votes")
    if not isinstance(needed, int):
        return None

    def over(a: int, b: int) -> bool:
        first, left = max(a, b), most - a - b
        return first + left < needed or (first >= needed and (2 * needed > most or abs(a - b) > left))

    return expected_samples(most, right, over)


RULE = Rule(
    ReducerSpec(
        "quorum",
        (ParamSpec("votes", types.INT, required=True, low=1), *PARAMS),
        with_ballots(_result),
        "the answer with at least so many votes; without one the step fails",
        votes=True,
        spares=True,
        fewest=_fewest,
        expected=_expected,
    ),
    Quorum,
)
