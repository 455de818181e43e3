"""The marks of the results of the functions of values, in expressions and in templates alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from ..functions.function import ValueFunction
from .marks import CONTROL, COUNT, LENGTH_BITS, NOTHING, Reach, narrowed, union
from .values import Value, any_item


def function_value(function: ValueFunction, value: Value, args: Mapping[str, Value], most: float = inf) -> Value:
    """Return the marks of a result. ``most`` is the greatest number of elements that pass, as far as it is known."""
    given = union(*(arg.whole() for arg in args.values()))
    marks = function.marks
    if marks == "one" and "n" in args:
        marks = "cut"
    if marks == "length":
        return Value(value.measured())
    if marks == "bit":
        return Value(narrowed(union(value.whole(), given), 1.0))
    if value.item is None or marks == "all":
        return Value(union(value.whole(), given))
    if marks == "one":
        return any_item(value).with_reach(given)
    order = narrowed(union(value.whole(), given), LENGTH_BITS, CONTROL)
    if marks == "order":
        return replace(value, order=union(value.order, order))
    if marks == "group":
        return _groups(value, order)
    return passing(value, order, min(value.most, most))


def passing(value: Value, order: Reach, most: float) -> Value:
    """Return some of the elements. An element that passes keeps its own text.

    Each element can change which others pass. So it can change whether a loop over them runs for another element, and
    their order, but no text.
    """
    length = union(value.length, narrowed(order, LENGTH_BITS, COUNT | CONTROL))
    return replace(value, length=length, order=union(value.order, order), most=most)


def _groups(value: Value, order: Reach) -> Value:
    """Return the groups. An element can be in any of them, and its key can make a group of its own."""
    item = any_item(value)
    key = Value(item.whole())
    members = Value(NOTHING, None, item, "", union(value.length, order))
    length = narrowed(union(value.length, order), LENGTH_BITS, COUNT)
    return Value(value.reach, None, Value(NOTHING, {"key": key, "items": members}), "", length, value.most, order)
