"""`quorum(q)`: the answer that at least q samples give, or a failure.

The vote is decided when an answer has q votes and no other can pass it. It fails as soon as no answer can reach q. Its
value is that of all N ballots, in whatever order they arrive. (Quorums as in R. H. Thomas, ACM TODS 4 (2), 1979.)

The vote stands against f samples exactly if the winner has q + f votes and no other answer can pass it. f changed
samples leave it q votes. If 2q > N, no other answer can then have as many. Otherwise the lead must also be larger than
2f + R, where R is the number of ballots still out, as in `majority`. With `stands: f` the vote fails as soon as no
answer can have q + f votes.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .arguments import PARAMS, SAME, STANDS, plurality
from .expected import Over, UntilOver
from .protocol import ReduceError, Rule, Setting
from .reach import LEAD, Args, Reach, beyond, number, that_can_stand, too_few, with_ballots
from .voting import Vote

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
        wanted = self.needed + self.against
        if self._first + self.open < wanted:
            return True
        return self._first >= wanted and (self._alone or self.ballots.lead > self.open + 2 * self.against)

    @property
    def _alone(self) -> bool:
        """True if only one answer can have the quorum."""
        return 2 * self.needed > self.setting.most

    def further(self) -> int:
        wanted = self.needed + self.against
        # The first ballot differs from none.
        dissents = self._first + self.open - wanted + (1 if self._first else 2)
        missing = int(self.open + 2 * self.against - self.ballots.lead)
        passed = 1 if self._alone else max(0, missing) // 2 + 1
        return min(dissents, max(wanted - self._first, passed))

    def fewest(self) -> int:
        return _fewest(self.setting.most, self.setting.most, self.setting.args)

    def standing(self) -> int:
        led = self.setting.most if self._alone else int(self.ballots.lead - self.open - 1) // 2
        return max(0, min(self._first - self.needed, led, self.spare))

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
    needed, changed = args.get("votes"), number(args, "stands", 0)
    if not isinstance(needed, int) or not 1 <= needed <= most:
        return 1
    wanted = needed + changed
    # The vote fails when the ballots differ so much that no answer can reach the quorum.
    passed = min(most, wanted if 2 * needed > most else max(wanted, most // 2 + 1 + changed))
    ended = max(min(2, most), min(passed, most - wanted + 2)) if wanted > 1 else passed
    return max(ended, min(most, number(args, "at_least", 1) + changed))


def _ends(least: int, most: int, args: Mapping[str, object]) -> Over | None:
    needed, changed = args.get("votes"), number(args, "stands", 0)
    if not isinstance(needed, int):
        return None
    wanted, alone = needed + changed, 2 * needed > most

    def over(a: int, b: int) -> bool:
        first, left = max(a, b), most - a - b
        return first + left < wanted or (first >= wanted and (alone or abs(a - b) > left + 2 * changed))

    return over


def _reach(least: int, most: int, args: Args) -> int:
    needed = number(args, "votes", 1)
    led = most if 2 * needed > most else (most - 1) // 2
    return max(0, min(most - needed, led, most - number(args, "at_least", 1)))


def _why(wanted: int, least: int, most: int, args: Args) -> str:
    needed = number(args, "votes", 1)
    if needed + wanted > most:
        return f"an answer needs {needed} + {wanted} = {needed + wanted} votes, and there are {most} at most"
    return LEAD.why(wanted, least, most, args)


REACH = Reach(_reach, _why)


RULE = Rule(
    ReducerSpec(
        "quorum",
        (ParamSpec("votes", types.INT, required=True, low=1), *PARAMS, STANDS, SAME),
        with_ballots(_result, REACH),
        "the answer with at least so many votes; without one the step fails",
        votes=True,
        spares=True,
        fewest=_fewest,
        expected=UntilOver(_ends),
    ),
    that_can_stand(Quorum, REACH),
    too_few,
)
