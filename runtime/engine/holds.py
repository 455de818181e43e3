"""The budgets in which a call counts, and the dollars that they hold back until its bill is known."""

from __future__ import annotations

from collections.abc import Sequence

from ..costs.budget import Ledger, reserve
from ..vocabulary.account import Ceiling
from ..vocabulary.errors import BudgetError
from ..vocabulary.usage import Price, Usage
from .ceilings import worst_of
from .decisions import Call
from .scopes import Context

_NO_TOKENS = Ceiling(0)


class Hold:
    """The claim of one call on its budgets.

    ``ledgers`` are the budgets of the called flows around the call, ``run`` is the budget of the run. Budgets in
    dollars are ``paying``: they hold back ``worst`` dollars while the call is ``sent``, for the tokens
    of its ``ceiling``. ``counted`` is True if the run has counted the call.
    """

    __slots__ = ("ceiling", "counted", "hedged", "ledgers", "paying", "price", "run", "sent", "worst")

    def __init__(self, run: Ledger, ledgers: Sequence[Ledger], call: Call, context: Context) -> None:
        self.run = run
        self.ledgers = ledgers
        self.paying: tuple[Ledger, ...] = ()
        self.price: Price | None = None
        if ledgers or run.money_limit is not None:
            self.paying = tuple(one for one in (*ledgers, run) if one.money_limit is not None)
            self.price = context.price(call.model) if self.paying else None
        self.worst = 0.0
        self.ceiling = _NO_TOKENS
        self.counted = False
        self.sent = False
        self.hedged = False

    def admit(self, call: Call) -> None:
        """Count the call in the budgets of the called flows. Raises BudgetError if one will never have room for it."""
        if self.paying:
            _must_be_priced(call, self.price)
        _count(self.ledgers)

    def repeat(self) -> None:
        """Count one more call, after an attempt that may have been paid. Raises BudgetError if a budget forbids it."""
        for ledger in (*self.ledgers, self.run):
            ledger.admit()
        _count(self.ledgers)
        self.counted = self.run.ready  # if not, the call is counted when it leaves the line
        if self.counted:
            self.run.calls += 1

    def reserve(self, call: Call) -> bool:
        """Hold back the most dollars that the call can cost.

        Return True if all budgets have room, so the call may be sent.

        Raises BudgetError if they will never have room.
        """
        if not self.counted:
            self.run.admit()
            if not self.run.ready:
                return False
        if not self._fits(call):
            return False
        if not self.counted:
            self.run.calls += 1
            self.counted = True
        return True

    def settle(self, usage: Usage) -> None:
        """Replace the dollars held back for the call by its bill."""
        if self.price is None or not self.sent:
            return
        each = self.ceiling
        cost = self.price.charge(self.worst, usage, each.read, each.written)
        for ledger in self.paying:
            ledger.settle(self.worst, cost)
        self.sent = False

    def hedge(self, call: Call) -> bool:
        """Count a second request of the call, beside the first. Return True if all budgets have room for it.

        flowrun gives up one of the two requests, and that request may still be paid. So it counts at its highest cost.
        """
        ledgers = (*self.ledgers, self.run)
        try:
            for ledger in ledgers:
                ledger.admit()
            if not self.run.ready:
                return False
            if self.price is not None:
                worst = worst_of(call, self.price)
                if not reserve(self.paying, worst):
                    return False
                for ledger in self.paying:
                    ledger.settle(worst, worst)
        except BudgetError:
            return False
        for ledger in ledgers:
            ledger.calls += 1
        self.hedged = True
        return True

    def _fits(self, call: Call) -> bool:
        if self.price is not None:
            worst = worst_of(call, self.price)
            if not reserve(self.paying, worst):
                return False
            self.worst, self.ceiling = worst, call.ceiling or _NO_TOKENS
        self.sent = True
        return True


def _count(ledgers: Sequence[Ledger]) -> None:
    """Count a call in each budget. Raises BudgetError if a budget allows no more calls."""
    for ledger in ledgers:
        ledger.admit()
    for ledger in ledgers:
        ledger.calls += 1


def _must_be_priced(call: Call, price: Price | None) -> None:
    """Raise BudgetError if the highest cost of a call is unknown."""
    if price is None:
        raise BudgetError(
            f"the price of `{call.model}` is unknown, so flowrun cannot keep the flow's budget "
            "in money: declare the model with its price, or write a budget of calls"
        )
    if price.worst(0, call.request.max_tokens) is None:
        raise BudgetError(
            f"the greatest length of an answer of `{call.model}` is unknown, so flowrun cannot keep the flow's "
            "budget in money: set `max_tokens`"
        )
