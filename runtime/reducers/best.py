"""`best(by: FIELD)`: the result with the highest number. `best(judge: ask "…")`: the result that a judge prefers.

Of equal results the first wins. A judge is asked twice, with the candidates in opposite orders. If its two answers
differ, the one that stands first among the results wins.
"""

from __future__ import annotations

from flowrun.dsl import ReducerSpec, types

from ..vocabulary.json_value import Json
from .arguments import BY
from .judging import ORDER, Judged, judge, ordered
from .protocol import ReduceError, Rule


class Best(Judged):
    def value(self) -> Json:
        order = self.order()
        if not order:
            raise ReduceError("the list of results is empty")
        return self.results[order[0]]


RULE = Rule(
    ReducerSpec(
        "best", (BY, judge(types.INT), ORDER), ordered("best", lambda item: item), "the best result", needs=True
    ),
    Best,
)
