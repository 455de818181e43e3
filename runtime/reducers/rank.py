"""`rank(by: FIELD)`: all results, the highest number first. `rank(judge: ask "…")`: all results in a judge's order.

`rank(by: FIELD, top: 5)` keeps the first five. Equal results keep their order. A judge is asked twice, with the
candidates in opposite orders. Each place in its two lists gives points (Borda's count). A list that leaves a candidate
out, or has one twice, is no answer. `rank(judge: ask "…", method: pairs)` compares two candidates at a time, and
another combiner plays the matches.
"""

from __future__ import annotations

from flowrun.dsl import ParamSpec, ReducerSpec, types

from ..vocabulary.json_value import Json
from .arguments import BY
from .judging import ORDER, Judged, judge, ordered
from .protocol import Rule

_METHOD = ParamSpec("method", types.Choice(("pairs",)))


class Rank(Judged):
    whole = True

    def value(self) -> Json:
        return [self.results[place] for place in self.order()[: self.setting.args.get("top")]]


RULE = Rule(
    ReducerSpec(
        "rank",
        (BY, judge(types.ListOf(types.INT)), ORDER, ParamSpec("top", types.INT, low=1), _METHOD),
        ordered("rank", types.ListOf),
        "all results in order, the best first",
    ),
    Rank,
)
