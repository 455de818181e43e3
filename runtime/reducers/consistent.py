"""`consistent(judge: ask "…")`: the result that one call picks after it has read all of them.

This is universal self-consistency (arXiv 2311.17311): a model reads all answers, and says which of them agrees most
with the others. The answers may be free texts. The value is the picked result, unchanged. The call sees the results in
a random order, which is the same in every run, because a model may favour the first or the last. A single result needs
no call.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from flowrun.dsl import AskSpec, Given, ParamSpec, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, Question, ReduceError, Rule, Setting

_EXAMPLE = 'consistent(judge: ask "Which agrees most with the others? {{ results }}")'


class Consistent(Gathering):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._picked: int | None = None

    def questions(self) -> Sequence[Question]:
        places = self._shown()
        if not self.setting.asks or len(places) < 2:
            return ()
        return (Question(tuple(self.results[place] for place in places), types.Range(1, len(places))),)

    def heard(self, answers: Sequence[Json]) -> None:
        self._picked = self._shown()[answers[0] - 1]

    def _shown(self) -> list[int]:
        """Return the places of the results in the order in which the judge sees them."""
        places = [index for index in sorted(self.results) if self.results[index] is not None]
        Random(self.setting.seed).shuffle(places)
        return places

    def value(self) -> Json:
        there = self.there()
        if not there:
            raise ReduceError("the list of results is empty")
        return there[0] if self._picked is None else self.results[self._picked]


def _result(given: Given) -> types.Type | Refusal:
    if "judge" in given.args:
        return types.unwrapped(given.item)
    return Refusal("`consistent` needs a judge, which reads all results and picks one", f"write `{_EXAMPLE}`")


RULE = Rule(
    ReducerSpec(
        "consistent",
        (ParamSpec("judge", types.NONE, asks=AskSpec(lambda item: types.INT, 1, 1)),),
        _result,
        "the result that a call picks as the most consistent one",
        needs=True,
    ),
    Consistent,
)
