"""The ledger of a run's budget in a process that shares it with others. It is pure: it only leaves reports."""

from __future__ import annotations

from collections.abc import Callable

from ..vocabulary.json_value import Json
from .budget import Ledger
from .purse import PursePortion


class LeasedLedger(Ledger):
    """The ledger of one holder of a lease on the budget of the run. It has the outside of ``Ledger``.

    It takes what it needs from the book (``BudgetBook``) by reports, and ``take`` hears the book's messages. A call for
    which it has nothing yet waits in line, and ``line`` counts the calls that do. ``changed`` is called when there is
    something to report; with True a call waits for it. ``spent`` is what all holders have spent, as the book last told.
    """

    __slots__ = ("_calls_made", "_closed", "changed", "deals", "line", "money")

    def __init__(
        self,
        calls_limit: int | None = None,
        money_limit: float | None = None,
        changed: Callable[[bool], None] = lambda urgent: None,
    ) -> None:
        self.deals = PursePortion()
        self.money = PursePortion()
        self.changed = changed
        self.line: Callable[[], int] = lambda: 1
        self._calls_made = 0
        self._closed = False
        super().__init__("", calls_limit, money_limit)

    @property
    def calls(self) -> int:
        """The calls that all holders have made, as far as this one knows."""
        return self._calls_made

    @calls.setter
    def calls(self, calls: int) -> None:
        made = calls - self._calls_made
        self._calls_made = calls
        if made and self.calls_limit is not None:
            self.deals.held -= made
            self.deals.used += made
            self.deals.cost += made
            self.changed(False)

    @property
    def ready(self) -> bool:
        """True if a call may be counted. Otherwise it waits for the book."""
        if self.calls_limit is None or self.deals.has(1):
            return True
        self.changed(True)
        return False

    def fits(self, worst: float) -> bool:
        if not super().fits(worst):  # it raises if the call would not fit even after all others
            return False
        if self.money_limit is None:
            return True
        self.money.taken = self.reserved
        fits = self.money.has(worst)
        if self.money.fresh:
            self.changed(not fits)
        return fits

    def settle(self, worst: float, cost: float) -> None:
        self.open -= 1
        self.money.taken = self.reserved
        self.money.settle(worst, cost)
        self.reserved = self.money.taken if self.open else 0.0
        self.money.taken = self.reserved
        self.changed(self.money.tight)

    def report(self) -> dict[str, Json]:
        """Take the account since the last report, and the needs. The book's ``report`` takes it. Empty without news."""
        out: dict[str, Json] = {}
        self.money.taken = self.reserved
        for name, portion in (("money", self.money), ("calls", self.deals)):
            if self._closed:
                portion.give_back()
            elif portion.came:
                portion.came = False
                self.changed(False)
            elif portion.tight:
                # A call that is counted next, as soon as there is money for it, would wait for ever otherwise.
                portion.give_back(1 if name == "calls" and self.money.waits else 0)
            news: dict[str, Json] = {}
            if portion.cost or portion.used or portion.back:
                news["account"] = [portion.cost, portion.used, portion.back]
                portion.cost = portion.used = portion.back = 0.0
            if portion.fresh:
                # The samples of a vote that get their places together go in one request.
                asked = max(portion.asked, self.line()) if name == "calls" and portion.waits else portion.asked
                news["ask"], portion.fresh = [asked, portion.waits], False
            if news:
                out[name] = news
        return out

    def take(self, message: dict[str, Json]) -> None:
        """Take a message of the book. The caller then lets the line of calls go on."""
        for name, portion in (("money", self.money), ("calls", self.deals)):
            news = message.get(name, {})
            if "tight" in news:
                portion.tight = news["tight"]
            if "amount" in news:
                portion.granted(news["amount"])
            if "spent" in news:
                portion.asked, portion.waits = 0.0, False
                if name == "money":
                    self.spent = max(self.spent, news["spent"])
                else:
                    self._calls_made = max(self._calls_made, int(news["spent"]))
        if self._closed or self.money.tight or self.deals.tight:
            self.changed(self._closed)

    def close(self) -> None:
        """Give back all that is not taken, with the next report, and whatever comes later."""
        self._closed = True
        for portion in (self.money, self.deals):
            if portion.asked:
                portion.asked, portion.waits, portion.fresh = 0.0, False, True
        self.changed(True)
