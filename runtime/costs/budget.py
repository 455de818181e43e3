"""The budgets of a flow. A call is reserved at its highest cost before it is sent, and settled by its bill."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import dataclass

from ..vocabulary.errors import BudgetError
from ..vocabulary.usage import Price, charge

__all__ = ["Ledger", "Price", "dollars", "reserve"]


@dataclass(eq=False, slots=True)
class Ledger:
    """The ledger of a budget, in calls and in dollars. A limit is None if there is none.

    ``flow`` is the called flow that has the budget, "" if it is the budget of the run. ``open`` counts the calls in
    flight, and ``reserved`` is the sum of their highest costs. So the dollars ``spent`` in the end can only be less,
    and the limit holds.
    """

    flow: str = ""
    calls_limit: int | None = None
    money_limit: float | None = None
    calls: int = 0
    spent: float = 0.0
    reserved: float = 0.0
    open: int = 0

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
            whose = f"the budget of {dollars(limit)} of the flow `{self.flow}`" if self.flow else ""
            raise BudgetError(
                f"{whose or f'''the flow's budget of {dollars(limit)}'''} has {dollars(max(0.0, limit - self.spent))} "
                f"left, and this call could cost {dollars(worst)}; set a lower `max_tokens`, or a higher budget",
                self.flow,
            )
        return self.spent + self.reserved + worst <= most

    def settle(self, worst: float, bill: float | None) -> None:
        """Settle a finished call: count its cost in place of the reserved dollars."""
        self.open -= 1
        self.reserved = max(0.0, self.reserved - worst) if self.open else 0.0
        self.spent += charge(worst, bill)


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


def dollars(amount: float) -> str:
    """Write an amount of dollars for people: to the cent, but below ten cents with two significant digits."""
    if amount == 0 or amount >= 0.0995:
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.0001 else f"${amount:.1e}"
