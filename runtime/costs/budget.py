"""The budgets of a flow. A call is reserved at its highest cost before it is sent, and settled by its bill."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import dataclass

from ..vocabulary.amounts import apart_text, limit_text
from ..vocabulary.errors import BudgetError
from ..vocabulary.usage import Price

__all__ = ["Ledger", "Price", "reserve"]


@dataclass(eq=False, slots=True)
class Ledger:
    """The ledger of a budget, in calls and in dollars. A limit is None if there is none.

    ``flow`` is the called flow that has the budget, "" if it is the budget of the run. ``open`` counts the calls in
    flight, and ``reserved`` is the sum of their highest costs. So the dollars ``spent`` in the end can only be less,
    and the limit holds. Only a call that the server serves in a dearer tier than it was asked for can cost more.
    """

    flow: str = ""
    calls_limit: int | None = None
    money_limit: float | None = None
    calls: int = 0
    spent: float = 0.0
    reserved: float = 0.0
    open: int = 0

    @property
    def ready(self) -> bool:
        """True if a call that is admitted may be counted. A ledger that shares a budget may have to wait."""
        return True

    def admit(self) -> None:
        """Raise BudgetError if the budget allows no more calls."""
        if self.calls_limit is not None and self.calls >= self.calls_limit:
            calls = f"{self.calls_limit} calls"
            raise BudgetError(
                f"the budget of {calls} of the flow `{self.flow}` is spent"
                if self.flow
                else f"the flow's budget of {calls} is spent",
                self.flow,
            )

    def fits(self, worst: float) -> bool:
        """Return True if a call with this highest cost may be sent.

        Return False if it must wait until other calls are settled.

        Raises BudgetError if it would not fit even then.
        """
        limit = self.money_limit
        if limit is None:
            return True
        # Sums of decimal fractions are off by a little.
        most = limit * (1 + 1e-9)
        if self.spent + worst > most:
            of = limit_text(limit)
            whose = f"the budget of {of} of the flow `{self.flow}`" if self.flow else f"the flow's budget of {of}"
            left, cost = apart_text(max(0.0, limit - self.spent), worst)
            raise BudgetError(
                f"{whose} has {left} left, and this call could cost {cost}; set a lower `max_tokens`, or a higher "
                "budget",
                self.flow,
            )
        return self.spent + self.reserved + worst <= most

    def settle(self, worst: float, cost: float) -> None:
        """Settle a finished call: count its cost in place of the reserved dollars."""
        self.open -= 1
        self.reserved = max(0.0, self.reserved - worst) if self.open else 0.0
        self.spent += cost


def reserve(ledgers: Sequence[Ledger], worst: float) -> bool:
    """Reserve the highest cost of a call in all its budgets, or in none. Return True if all of them have room.

    Raises BudgetError as ``fits`` does.
    """
    # All budgets are checked, because a call that one of them refuses for good must not wait for another.
    room = [ledger.fits(worst) for ledger in ledgers]
    if not all(room):
        return False
    for ledger in ledgers:
        ledger.reserved += worst
        ledger.open += 1
    return True
