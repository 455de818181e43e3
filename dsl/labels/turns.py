"""The marks of what decides how often a map runs its body, and which place an element has."""

from __future__ import annotations

from .marks import COUNT, LENGTH_BITS, Reach, control, narrowed, union
from .values import Value, any_item, renamed


def turns_of(source: Value, axis: str) -> Reach:
    """Return the marks of what decides how often a map runs its body."""
    if source.item is None:
        return source.measured()
    return renamed(Value(union(source.reach, source.length)), source.axis, axis).reach


def place_in(source: Value, turns: Reach) -> Reach:
    """Return the marks of what decides the place of an element."""
    return narrowed(union(turns, source.order), LENGTH_BITS, COUNT)


def item_in_turn(source: Value) -> Value:
    """Return the item of a list that a sample of a panel takes: any of them, and each may write several ballots."""
    return any_item(source).with_reach(control(source.whole()))
