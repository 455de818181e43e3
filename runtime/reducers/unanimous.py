"""`unanimous`: the one answer that all samples give, or a failure at the first sample that differs.

An answer of none abstains, and `at_least` is the least number of ballots. A lost sample could have differed, so without
it there is no value. Any single sample could have differed, and then the vote would have failed. So a unanimous vote
stands against none.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import ReducerSpec

from ..vocabulary.json_value import Json
from .arguments import AT_LEAST, BY, SAME, STANDS, plurality
from .expected import Over, UntilOver
from .protocol import ReduceError, Rule
from .reach import Reach, that_can_stand, too_few, with_ballots
from .voting import Vote


class Unanimous(Vote):
    def settled(self) -> bool:
        return self._split or self.open == 0

    @property
    def _split(self) -> bool:
        return self.ballots.leaders[1] > 0

    def further(self) -> int:
        # The next ballot may differ and so decide the vote. The first ballot cannot differ from another.
        return min(self.open, 1 if self.ballots.counted else 2)

    def value(self) -> Json:
        value = super().value()
        if self._split:
            raise ReduceError(f"the vote is not unanimous: {self.ballots.text()} of {self.setting.most}")
        return value

    def succeeded(self) -> bool:
        return not self._split


def _fewest(least: int, most: int, args: Mapping[str, object]) -> int:
    return min(2, most)


def _ends(least: int, most: int, args: Mapping[str, object]) -> Over:
    return lambda a, b: (a > 0 and b > 0) or a + b == most


REACH = Reach(
    lambda least, most, args: 0,
    lambda wanted, least, most, args: "a single sample that differs makes it fail",
    lambda least, most: "take a quorum, such as `quorum(3, stands: 1)`",
)

RULE = Rule(
    ReducerSpec(
        "unanimous",
        (AT_LEAST, BY, STANDS, SAME),
        with_ballots(plurality, REACH),
        "the answer that all samples give; if they differ, the step fails",
        votes=True,
        spares=True,
        fewest=_fewest,
        expected=UntilOver(_ends),
    ),
    that_can_stand(Unanimous, REACH),
    too_few,
)
