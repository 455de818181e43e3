"""The reader of a budget as users write it: `$2.50`, `400 calls`, or both."""

from __future__ import annotations

import re
from math import isfinite

from flowrun.dsl import dataclass, pattern

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

_MONEY = pattern(r"\$ ?(\d[\d,]*(?:\.\d+)?|\.\d+)|(\d*\.\d+)|(\d+(?:\.\d+)?) ?(?:dollars?|usd)", re.IGNORECASE)
# A comma between digits separates thousands, unless the number before it is already complete.
_BETWEEN = pattern(r",(?!\d)|(?<=\.\d),|(?<=\.\d\d),|(?<=calls),|\+", re.IGNORECASE)
_CALLS = pattern(r"(\d[\d,_]*) ?calls?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of a run, in calls and in dollars; None if there is no limit.

    ``rest`` marks what an earlier run left of a budget. It may be 0: such a run has the answers of the journal alone.
    """

    calls: int | None = None
    money: float | None = None
    rest: bool = False


def budget_of(given: object) -> Budget | None:
    """Return the budget that a caller gives as a ``Budget`` or as a text. None stands for no budget.

    A number is refused, because it could mean dollars or calls. Raises UsageError.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return read_budget(given)
    if not isinstance(given, Budget):
        raise UsageError(
            f"`budget` must be a text such as '$2.50', '400 calls' or '$2.50, 400 calls'; found {_found(given)}"
        )
    calls, money = given.calls, given.money
    if calls is not None and (isinstance(calls, bool) or not isinstance(calls, int) or calls < 0):
        raise UsageError(f"the calls of a budget must be a whole number; found {shown(repr(calls))}")
    if money is not None and not (_is_number(money) and isfinite(money) and money >= 0):
        raise UsageError(f"the money of a budget must be a number of dollars; found {shown(repr(money))}")
    if given != Budget() and not given.rest and not calls and not money:
        raise UsageError(f"the budget {given} allows no calls; give a larger budget")
    return given


def _found(given: object) -> str:
    if _is_number(given):
        return f"the number {given}, which may be dollars or calls"
    return f"a Python {type(given).__name__}"


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def read_budget(text: str) -> Budget:
    """Read a budget. Raises UsageError if the text is not a budget."""
    calls: int | None = None
    money: float | None = None
    for part in _BETWEEN.split(text):
        word = part.strip()
        if (found := _CALLS.fullmatch(word)) and calls is None:
            calls = int(re.sub(r"[,_]", "", found[1]))
        elif (found := _MONEY.fullmatch(word)) and money is None:
            money = float((found[1] or found[2] or found[3]).replace(",", ""))
        else:
            raise UsageError(
                f"{shown(text)} is not a budget: write '$2.50', '400 calls' or '$2.50, 400 calls' (in single quotes, "
                "because a shell reads $2 as a variable)"
            )
    if not calls and not money:
        raise UsageError(f"the budget {shown(text)} allows no calls; give a larger budget")
    return Budget(calls, money)
