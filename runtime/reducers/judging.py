"""The common part of `best` and `rank`. They order the results by a field, or by a judge, which is an ask.

A judge favours the first or the last candidate (arXiv 2306.05685). So it sees the candidates in a random order, and
then in the opposite order. The random order is the same in every run of a flow, so that a resumed run asks the same.
The judge answers with the numbers under which it sees the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from flowrun.dsl import AskSpec, Given, ParamSpec, Refusal, types

from ..vocabulary.json_value import Json
from .numbers import number_of
from .order import Order
from .protocol import Gathering, Question, Setting

ORDER = ParamSpec("order", types.Choice(("high", "low")))
METHOD = ParamSpec("method", types.Choice(("knockout", "pairs")))
"""The way in which a judge compares two candidates at a time; without it, it compares all of them at once."""


def judge(answer: types.Type) -> ParamSpec:
    return ParamSpec("judge", types.NONE, asks=AskSpec(lambda item: answer, 2, 2, times=matches_of))


def matches_of(number: int, args: Mapping[str, object]) -> tuple[int, int] | None:
    """Return the asks of a tournament between so many candidates, and how many run one after another.

    None if the judge sees all candidates at once. Each match is two asks, one for each order.
    """
    method = args.get("method")
    if method is None or number < 2:
        return None
    return (number * (number - 1), 1) if method == "pairs" else (2 * (number - 1), (number - 1).bit_length())


class Judged(Gathering):
    """The base of rules that put results in order. ``points`` are the points from the judge, by place."""

    whole = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.shown: list[int] = []
        self.points: dict[int, int] = {}

    def _present(self) -> list[int]:
        return [index for index in sorted(self.results) if self.results[index] is not None]

    def questions(self) -> Sequence[Question]:
        places = self._present()
        if not self.setting.asks or len(places) < 2:
            return ()
        self.shown = places[:]
        Random(self.setting.seed).shuffle(self.shown)
        number: types.Type = types.Range(1, len(places))
        answer = Order(number) if self.whole else number
        return tuple(
            Question(tuple(self.results[place] for place in order), answer) for order in (self.shown, self.shown[::-1])
        )

    def heard(self, answers: Sequence[Json]) -> None:
        for order, answer in zip((self.shown, self.shown[::-1]), answers, strict=True):
            numbers = answer if isinstance(answer, list) else [answer]
            for place, number in enumerate(numbers):
                at = order[number - 1]
                self.points[at] = self.points.get(at, 0) + len(order) - place

    def order(self) -> list[int]:
        """Return the places that have a result, the best first. If results are equal, the first place comes first."""
        places = self._present()
        by = self.setting.args.get("by")
        if by is None:
            return sorted(places, key=lambda place: (-self.points.get(place, 0), place))
        sign = 1 if self.setting.args.get("order") == "low" else -1
        there = [place for place in places if self.results[place].get(by) is not None]
        there.sort(key=lambda place: (sign * self.results[place][by], place))
        return [*there, *(place for place in places if place not in set(there))]


def ordered(rule: str, made: Callable[[types.Type], types.Type]) -> Callable[[Given], types.Type | Refusal]:
    """Make the function that checks the arguments of an ordering rule and gives the type of its value."""

    def result(given: Given) -> types.Type | Refusal:
        item = types.unwrapped(given.item)
        if ("by" in given.args) == ("judge" in given.args):
            help = f'write `{rule}(by: score)`, or `{rule}(judge: ask "Which is best? {{{{ results }}}}")`'
            return Refusal(f"`{rule}` needs either a field with the score or a judge", help)
        if "order" in given.args and "by" not in given.args:
            return Refusal(
                "`order` works only with a field: a judge decides the order itself", "delete `order`", "order"
            )
        if "method" in given.args and "judge" not in given.args:
            help = f'delete `method`, or write `{rule}(judge: ask "Which is better? {{{{ results }}}}", method: pairs)`'
            return Refusal("`method` works only with a judge: a field needs no matches", help, "method")
        if "method" in given.args and given.args["method"] is None:
            help = f'write the word, `{rule}(judge: ask "…", method: pairs)`'
            return Refusal("`method` decides how many calls there are, so the file writes its word", help, "method")
        if "by" in given.args and isinstance(found := number_of(given, rule), Refusal):
            return found
        return made(item)

    return result
