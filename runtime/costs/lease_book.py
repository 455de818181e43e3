"""The book of leases. In a run with several processes it shares out the limits of endpoints and the run's budget.

It lies in the driver and is pure: each method is told the time, a message is a dict of JSON, and the transport is
somebody else's. Messages between the book and one holder must keep their order; their delay does not matter.
"""

from __future__ import annotations

from math import inf

from ..limits.lease_endpoint import EndpointBook, Messages
from ..vocabulary.json_value import Json
from .purse import News, Purse

__all__ = ["BudgetBook", "LeaseBook", "Messages"]


class BudgetBook:
    """The budget of a run whose calls several processes make: its dollars and its calls.

    ``calls`` and ``spent`` are what the run had made and spent before.
    """

    def __init__(
        self, calls_limit: int | None = None, money_limit: float | None = None, calls: int = 0, spent: float = 0.0
    ) -> None:
        self.money = Purse(money_limit, spent)
        self.calls = Purse(calls_limit, calls, whole=True)
        self.made: dict[int, float] = {}
        """The calls that each holder has reported."""

    def join(self, holder: int) -> None:
        self.money.join(holder)
        self.calls.join(holder)

    def report(self, holder: int, report: dict[str, Json]) -> Messages:
        """Take the report of a holder's ledger. Return the messages that follow from it."""
        for name, purse in (("money", self.money), ("calls", self.calls)):
            news = report.get(name, {})
            if holder in purse.held:
                if "account" in news:
                    purse.report(holder, *news["account"])
                    if purse is self.calls:
                        self.made[holder] = self.made.get(holder, 0) + news["account"][1]
                if "ask" in news:
                    amount, waits = news["ask"]
                    purse.ask(holder, amount, waits=waits)
        return self.serve()

    def unreported(self, holder: int, sent: int) -> float:
        """Return how many of the calls that a holder has sent are not in its reports.

        The number is negative if it has reported calls that it did not live to send.
        """
        return sent - self.made.get(holder, 0)

    def gone(self, holder: int, open_: tuple[float, float | None] | None = None) -> Messages:
        """Take the news that a holder has died; see ``LeaseBook.gone``."""
        calls, money = (None, None) if open_ is None else open_
        self.calls.gone(holder, calls)
        self.money.gone(holder, money)
        return self.serve()

    def serve(self) -> Messages:
        out: Messages = {}
        for name, purse in (("money", self.money), ("calls", self.calls)):
            for holder, news in purse.serve().items():
                out.setdefault(holder, {})[name] = _json(news)
        return out


class LeaseBook:
    """The book of all leases of a run: its endpoints by their key, and its ``budget``.

    A message is a dict whose field ``lease`` names the lease: "open" (a holder opens an endpoint, with its terms),
    "limits" (a report about an endpoint, or a message about it) or "budget". ``at`` is the key of the endpoint.

    ``take``, ``gone`` and ``serve`` return messages as pairs of a holder and a dict. ``due`` tells when ``serve`` may
    have something to hand out.
    """

    def __init__(self, budget: BudgetBook | None = None) -> None:
        self.endpoints: dict[str, EndpointBook] = {}
        self.budget = budget or BudgetBook()
        self.holders: set[int] = set()

    def join(self, holder: int) -> None:
        """Take in a holder. The driver itself is the holder 0. A number is never used again."""
        self.holders.add(holder)
        self.budget.join(holder)

    def take(self, holder: int, message: dict[str, Json], now: float) -> list[tuple[int, dict[str, Json]]]:
        """Take a message of a holder. A message of a dead holder is ignored."""
        if holder not in self.holders:
            return []
        kind = message["lease"]
        if kind == "budget":
            return _addressed("budget", "", self.budget.report(holder, message))
        at = message["at"]
        if kind == "open":
            if at not in self.endpoints:
                self.endpoints[at] = EndpointBook(message["limit"], message["rpm"], message["tpm"])
            return _addressed("limits", at, self.endpoints[at].join(holder, now))
        return _addressed("limits", at, self.endpoints[at].report(holder, message, now))

    def gone(
        self, holder: int, now: float, open_: tuple[float, float | None] | None = None
    ) -> list[tuple[int, dict[str, Json]]]:
        """Take the news that a holder has died, or has ended without giving back what it had.

        ``open_`` are the calls that it may have made without a report, and the most dollars that these and its calls in
        flight cost, if the caller knows: the journal has each call before it is sent. Otherwise all that the holder had
        counts as spent. The dollars may be None by themselves.
        """
        if holder not in self.holders:
            return []
        self.holders.discard(holder)
        out = _addressed("budget", "", self.budget.gone(holder, open_))
        for at, endpoint in self.endpoints.items():
            out += _addressed("limits", at, endpoint.gone(holder, now))
        return out

    def share(self, at: str, answer: dict[str, Json], now: float) -> list[tuple[int, dict[str, Json]]]:
        """Take the part that the run has of the limits of an endpoint, which it shares with other runs."""
        return _addressed("limits", at, self.endpoints[at].share(answer, now))

    def due(self, now: float) -> float:
        """Return the next time at which ``serve`` may have something to hand out; infinity if only a message does."""
        return min((one.due(now) for one in self.endpoints.values()), default=inf)

    def serve(self, now: float) -> list[tuple[int, dict[str, Json]]]:
        """Hand out what has become free by the time."""
        return [one for at, endpoint in self.endpoints.items() for one in _addressed("limits", at, endpoint.serve(now))]


def _addressed(lease: str, at: str, messages: Messages) -> list[tuple[int, dict[str, Json]]]:
    head: dict[str, Json] = {"lease": lease, "at": at} if at else {"lease": lease}
    return [(holder, head | message) for holder, message in messages.items()]


def _json(news: News) -> dict[str, Json]:
    out: dict[str, Json] = {}
    if news.amount:
        out["amount"] = news.amount
    if news.spent is not None:
        out["spent"] = news.spent
    if news.tight is not None:
        out["tight"] = news.tight
    return out
