"""Fields, operators and shapes of values."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from operator import add, mul, sub, truediv
from typing import Any

from .failures import Failure


def get(record: Any, name: str) -> Any:
    """Return a field of a record; None if it is missing."""
    return record.get(name) if isinstance(record, dict) else None


def a_finite(made: Any) -> Any:
    """Return a result of a calculation. One that is too large for a number is a failure."""
    if (isinstance(made, float) and not isfinite(made)) or (isinstance(made, int) and made.bit_length() > 10_000):
        raise Failure("the result of a calculation is too large")
    return made


def plus(first: Any, second: Any) -> Any:
    return a_finite(add(first, second))


def minus(first: Any, second: Any) -> Any:
    return a_finite(sub(first, second))


def times(first: Any, second: Any) -> Any:
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        raise Failure("`*` takes numbers")
    return a_finite(mul(first, second))


def over(first: Any, second: Any) -> Any:
    return a_finite(truediv(first, second))


def or_else(value: Any, other: Callable[[], Any]) -> Any:
    return other() if value is None else value


def spread(value: Any) -> dict[str, Any]:
    """Return a record whose fields another record takes."""
    if not isinstance(value, dict):
        raise Failure("only a record can be spread")
    return value


def shaped(value: Any, shape: Any) -> Any:
    """Cut a value to a shape: a list ``[shape]``, a record ``{name: shape}``, or None, which cuts nothing."""
    if isinstance(shape, list) and isinstance(value, list):
        return [shaped(one, shape[0]) for one in value]
    if isinstance(shape, dict) and isinstance(value, dict):
        return {name: shaped(value.get(name), inner) for name, inner in shape.items()}
    if isinstance(shape, tuple) and isinstance(value, dict):
        # A union: the name of its tag, and the shapes by the words of the tag.
        tag, members = shape
        return shaped(value, members.get(value.get(tag)))
    return value


def listed(value: Any) -> list[Any]:
    """Return a list whose elements a map takes."""
    if not isinstance(value, list):
        raise Failure("a map needs a list")
    return value


def within(name: str, value: Any, low: float, high: float | None) -> Any:
    """Return the value of an option, which must have a number between bounds."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value < low
        or (high is not None and value > high)
    ):
        raise Failure(f"`{name}` is out of its bounds: {value!r:.40}")
    return value
