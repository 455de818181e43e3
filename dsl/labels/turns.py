"""The marks of what decides how often a map runs its body, and which place an element has."""

from __future__ import annotations

from .marks import COUNT, LENGTH_BITS, Reach, narrowed, union
from .values import Value, renamed


def turns_of(source: Value, axis: str) -> Reach:
    """Return the marks of what decides how often a map runs its body."""
    if source.item is None:
        return source.measured()
    return renamed(Value(union(source.reach, source.length)), source.axis, axis).reach


def place_in(source: Value, turns: Reach) -> Reach:
    """Return the marks of what decides the place of an element."""
    return narrowed(union(turns, source.order), LENGTH_BITS, COUNT)
