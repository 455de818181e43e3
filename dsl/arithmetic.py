"""The operators of expressions, applied to values. The checker and a run use the same operators."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from .plain_data import Json

MOST_BITS = 10_000
"""The bits of the largest whole number: about 3,000 digits, which Python still writes out."""


MOST_CHARACTERS = 1 << 28
"""The most characters of a text that `+` makes. The largest file that a flow reads has as many."""
MOST_ITEMS = 4_000_000
"""The most items of a list that `+` makes."""


class NoValueError(Exception):
    """The error for operands that have no result, as in a division by zero. Its text is a sentence."""


def negative(operand: Json) -> Json:
    """Return the negative of a number. Raises NoValueError for any other operand."""
    if not isinstance(operand, (int, float)):
        raise NoValueError(f"`-` does not take {operand!r:.40}")
    return -operand


def combined(operator: str, first: Json, second: Json) -> Json:
    """Return the result of an operator in BINARY. Raises NoValueError if the operands have no result."""
    if operator == "*" and not (isinstance(first, (int, float)) and isinstance(second, (int, float))):
        # For a text or a list, Python would repeat it, to any length.
        raise NoValueError(f"`*` does not take {first!r:.40} and {second!r:.40}")
    if operator == "+" and isinstance(first, (str, list)) and type(first) is type(second):
        most = MOST_CHARACTERS if isinstance(first, str) else MOST_ITEMS
        if len(first) + len(second) > most:
            what = "characters" if isinstance(first, str) else "items"
            raise NoValueError(f"the result of `+` is too long: it has more than {most:,} {what}")
    try:
        result = BINARY[operator](first, second)
    except ZeroDivisionError:
        raise NoValueError("this is a division by zero") from None
    except OverflowError:
        raise NoValueError(_too_large(operator)) from None
    except TypeError:
        raise NoValueError(f"`{operator}` does not take {first!r:.40} and {second!r:.40}") from None
    if isinstance(result, float) and not isfinite(result):
        raise NoValueError(_too_large(operator))
    if isinstance(result, int) and result.bit_length() > MOST_BITS:
        raise NoValueError(_too_large(operator))
    return result


def _too_large(operator: str) -> str:
    return f"the result of `{operator}` is too large"


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
"""The operators that always need both operands."""
OPERANDS = {"not": 1, "negative": 1, "and": 2, "or": 2, "??": 2, **dict.fromkeys(BINARY, 2)}
"""All operators of a plan, each with its number of operands."""
