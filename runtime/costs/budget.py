"""What a flow may spend: reserved at its worst before a call is sent, settled when the bill is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..vocabulary.errors import BudgetError
from ..vocabulary.usage import Price, charge

__all__ = ["Ledger", "Price", "dollars", "reserve"]


@dataclass(eq=False, slots=True)
class Ledger:
    """The account of one budget, in calls and in dollars; None where there is no limit.

    ``flow`` is the called flow whose budget it is, "" for that of the run. ``open`` calls are in flight and
    ``reserved`` at their worst, so that what is ``spent`` in the end can only be less: the limit holds.
    """

    flow: str = ""
    calls_limit: int | None = None
    money_limit: float | None = None
    calls: int = 0
    spent: float = 0.0
    reserved: float = 0.0
    open: int = 0

    def admit(self) -> None:
        """Raises BudgetError where the budget has no place for one more call."""
        if self.calls_limit is not None and self.calls >= self.calls_limit:
            calls = f"{self.calls_limit} calls"
            raise BudgetError(
                f"the budget of {calls} of the flow `{self.flow}` is spent"
                if self.flow
                else f"the flow's budget of {calls} is spent",
                self.flow,
            )

    def fits(self, worst: float) -> bool:
        """Whether a call of this worst case may be sent; False where it must wait until others are settled.

        Raises BudgetError where even then it would not fit.
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
                f"left, and this call could cost {dollars(worst)}; a lower `max_tokens` makes that less",
                self.flow,
            )
        return self.spent + self.reserved + worst <= most

    def settle(self, worst: float, bill: float | None) -> None:
        """A call is over: what it cost in place of what was put aside."""
        self.open -= 1
        self.reserved = max(0.0, self.reserved - worst) if self.open else 0.0
        self.spent += charge(worst, bill)


def reserve(ledgers: Sequence[Ledger], worst: float) -> bool:
    """Put the worst case of a call aside in all its budgets, or in none. Raises BudgetError as ``fits`` does."""
    # Every one is looked at: a call that one of them refuses for good must not wait for another.
    room = [ledger.fits(worst) for ledger in ledgers]
    if not all(room):
        return False
    for ledger in ledgers:
        ledger.reserved += worst
        ledger.open += 1
    return True


def dollars(amount: float) -> str:
    """An amount as people write it: cents, and where it is less than ten of them, two digits that say something."""
    if amount == 0 or amount >= 0.0995:
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.0001 else f"${amount:.1e}"
