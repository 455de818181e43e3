"""`sum`, `mean` and `median`: one number made of all results, or of one of their fields (`by: score`).

Missing results do not count. A sum is exact in whatever order it is added up. Without any result, the sum is 0, and
there is no mean and no median.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flowrun.dsl import MOST_BITS, Given, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .arguments import BY, looked_at
from .protocol import Gathering, ReduceError, Rule


class _Numbers(Gathering):
    """The base of rules that compute with the numbers of all results, in their order."""

    name = ""

    def combine(self, numbers: list[Fraction]) -> Fraction:
        raise NotImplementedError

    def value(self) -> Json:
        found = self.looked_at()
        numbers = [Fraction(number) for number in found if number is not None]
        if not numbers and self.name != "sum":
            raise ReduceError(f"the list of results is empty, so it has no {self.name}")
        result = self.combine(numbers)
        whole = all(isinstance(number, int) for number in found if number is not None)
        try:
            made = int(result) if whole and self.name == "sum" else float(result)
        except OverflowError:
            made = None
        if made is None or (isinstance(made, int) and made.bit_length() > MOST_BITS):
            raise ReduceError(f"the {self.name} of the results is too large a number")
        return made


class Sum(_Numbers):
    name = "sum"

    def combine(self, numbers: list[Fraction]) -> Fraction:
        return sum(numbers, Fraction(0))


class Mean(_Numbers):
    name = "mean"

    def combine(self, numbers: list[Fraction]) -> Fraction:
        from statistics import mean

        return mean(numbers)


class Median(_Numbers):
    name = "median"

    def combine(self, numbers: list[Fraction]) -> Fraction:
        from statistics import median

        return median(numbers)


def number_of(given: Given, rule: str) -> types.Type | Refusal:
    """Return the type of the numbers, which are the results or one of their fields."""
    item, by = looked_at(given), given.args.get("by")
    if isinstance(item, Refusal) or types.is_number(item):
        return item
    names = [field.name for field in item.fields] if isinstance(item, types.Record | types.Union) else []
    of = next((field.name for field in getattr(item, "fields", ()) if types.is_number(types.unwrapped(field.type))), "")
    help = f"name a field that is a number: `{rule}(by: {of})`" if of else "ask for a number: `-> 1..5` or `-> number`"
    which = f"`{by}` is" if isinstance(by, str) and not names else "these results are"
    return Refusal(f"`{rule}` takes numbers, and {which} {types.show(item)}", help)


def _sum(given: Given) -> types.Type | Refusal:
    found = number_of(given, "sum")
    if isinstance(found, Refusal):
        return found
    return types.INT if types.is_whole(found) else types.NUMBER


def _of_numbers(rule: str) -> Callable[[Given], types.Type | Refusal]:
    def result(given: Given) -> types.Type | Refusal:
        found = number_of(given, rule)
        return found if isinstance(found, Refusal) else types.NUMBER

    return result


SUM = Rule(ReducerSpec("sum", (BY,), _sum, "the sum of the numbers"), Sum)
MEAN = Rule(ReducerSpec("mean", (BY,), _of_numbers("mean"), "the arithmetic mean of the numbers", needs=True), Mean)
MEDIAN = Rule(ReducerSpec("median", (BY,), _of_numbers("median"), "the median of the numbers", needs=True), Median)
