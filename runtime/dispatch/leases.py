"""The two ends of the leases on an event loop: the desk of the driver, and the leases of one holder.

Neither knows how messages travel. A run without further processes loads none of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from ..costs.lease_book import LeaseBook
from ..costs.leased_ledger import LeasedLedger
from ..limits.lease_endpoint import EndpointBook
from ..limits.lease_reports import GAP, SLACK
from ..limits.leased_limiter import LeasedLimiter
from ..limits.run_portion import Portion
from ..limits.terms import UNKNOWN_TERMS, EndpointTerms
from ..vocabulary.errors import CallError
from ..vocabulary.json_value import Json
from .dispatcher import Dispatcher
from .endpoint import Endpoint

Send = Callable[[dict[str, Json]], object]
LOCAL = 0
"""The number of the driver itself among the holders."""


class LeaseDesk:
    """The desk of the driver. It brings messages to the book and from it, and wakes the book when time frees something.

    All holders belong to one event loop.
    """

    def __init__(self, book: LeaseBook) -> None:
        self.book = book
        self._to: dict[int, Send] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, holder: int, send: Send) -> None:
        """Take in a holder. ``send`` brings it messages, later and in their order."""
        self.book.join(holder)
        self._to[holder] = send

    def local(self, holders: int = 1) -> Leases:
        """Return the leases of the driver itself. ``holders`` is the number of all, with the driver."""
        loop = asyncio.get_running_loop()
        leases = Leases(lambda message: loop.call_soon(self.take, LOCAL, message), holders)
        self.join(LOCAL, lambda message: loop.call_soon(leases.take, message))
        return leases

    def take(self, holder: int, message: dict[str, Json]) -> None:
        """Take a message of a holder."""
        self._deal(self.book.take(holder, message, asyncio.get_running_loop().time()))

    def gone(self, holder: int, sent: int | None = None, slowest: float = 0.0) -> None:
        """Take the news that a holder is gone.

        ``sent`` are the calls that it has sent, and ``slowest`` are the seconds of its slowest request, if the journal
        tells.
        """
        self._to.pop(holder, None)
        for endpoint in self.book.endpoints.values():
            endpoint.slowest = max(endpoint.slowest, slowest)
        open_ = None if sent is None else (self.book.budget.unreported(holder, sent), None)
        self._deal(self.book.gone(holder, asyncio.get_running_loop().time(), open_))

    def share(self, at: str, answer: dict[str, Any], now: float) -> None:
        """Take the part that this run has of the limits of an endpoint, and share it out."""
        self._deal(self.book.share(at, answer, now))

    def close(self) -> None:
        self._to.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _deal(self, messages: list[tuple[int, dict[str, Json]]]) -> None:
        for holder, message in messages:
            if (send := self._to.get(holder)) is not None:
                send(message)
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = self.book.due(now)
        # Permits that become due within a moment go together.
        self._timer = loop.call_at(max(due, now + GAP), self._serve) if due < inf else None

    def _serve(self) -> None:
        self._timer = None
        self._deal(self.book.serve(asyncio.get_running_loop().time()))


class DeskSharer:
    """The leases of one endpoint as one limiter, which may share its limits with other runs."""

    def __init__(self, desk: LeaseDesk, at: str) -> None:
        self._desk = desk
        self._at = at

    @property
    def _book(self) -> EndpointBook:
        return self._desk.book.endpoints[self._at]

    @property
    def portion(self) -> Portion | None:
        """The part of the limits that this run has."""
        return self._book.portion

    @portion.setter
    def portion(self, portion: Portion | None) -> None:
        self._book.portion = portion
        self._book.bind()

    @property
    def taken(self) -> int:
        return self._book.taken

    @property
    def pressed(self) -> bool:
        return self._book.pressed

    def need(self, now: float) -> dict[str, Any]:
        return self._book.need(now)

    def share(self, answer: dict[str, Any], now: float) -> None:
        self._desk.share(self._at, answer, now)


class Leases:
    """The leases of one holder: its limiters by the key of their endpoint, and its ``ledger``, if the run has a budget.

    ``send`` takes a message to the desk, later and in order. ``granted`` is called after news of the budget: the line
    of calls that wait for it then goes on. ``holders`` is the number of all holders: where no limit is set, each begins
    with its part of the number of requests that earlier runs found.
    """

    def __init__(self, send: Send, holders: int = 1) -> None:
        self.holders = holders
        self.limiters: dict[str, LeasedLimiter] = {}
        self.ledger: LeasedLedger | None = None
        self.granted: Callable[[], None] = lambda: None
        self._send = send
        self._timer: asyncio.TimerHandle | None = None

    def limiter(self, at: str, limit: int | None, terms: EndpointTerms = UNKNOWN_TERMS) -> LeasedLimiter:
        """Make the limiter of an endpoint. ``at`` is its key, the same everywhere."""
        self._send({"lease": "open", "at": at, "limit": limit, "rpm": terms.rpm, "tpm": terms.tpm})
        if limit is None and self.holders > 1 and terms.start is not None:
            further = terms.further and self._part(terms.further)
            terms = replace(terms, start=self._part(terms.start), further=further, refused_at=None)
        made = LeasedLimiter(limit, terms, send=partial(self._report, at))
        self.limiters[at] = made
        return made

    def _part(self, requests: int) -> int:
        """Return the part that one holder has of a number of requests."""
        return max(1, requests // self.holders)

    @property
    def awaited(self) -> bool:
        """True if a request waits for a place."""
        return any(one.awaited for one in self.limiters.values())

    def expect(self, requests: int) -> None:
        """Ask for the places of so many requests that are about to come, if there is one endpoint with a limit."""
        limits = [(one, one.limit) for one in self.limiters.values() if one.limit is not None]
        if len(limits) == 1:
            limiter, limit = limits[0]
            # The driver is one of the holders, and sends little beside workers.
            limiter.expect(min(requests, -(-limit // max(1, self.holders - 1))))

    def budget(self, calls_limit: int | None, money_limit: float | None) -> LeasedLedger:
        """Make the ledger of the run's budget."""
        self.ledger = LeasedLedger(calls_limit, money_limit, self._changed)
        return self.ledger

    def take(self, message: dict[str, Json]) -> None:
        """Take a message of the desk."""
        if message["lease"] == "limits":
            if (limiter := self.limiters.get(message["at"])) is not None:
                limiter.take(message)
        elif self.ledger is not None:
            self.ledger.take(message)
            self.granted()

    def close(self) -> None:
        """Give the budget back. Limiters are closed by their endpoints, and give theirs back then."""
        if self.ledger is not None:
            self.ledger.close()
            self._tell_budget()
        if self._timer is not None:
            self._timer.cancel()

    def _report(self, at: str, report: dict[str, Json]) -> None:
        self._send({"lease": "limits", "at": at, **report})

    def _changed(self, urgent: bool) -> None:
        loop = asyncio.get_running_loop()
        # A call that waits is told of at the end of this turn of the loop, when all that waits is known.
        at = loop.time() + (0.0 if urgent else SLACK)
        if self._timer is None or self._timer.when() > at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(at, self._tell_budget)

    def _tell_budget(self) -> None:
        self._timer = None
        if self.ledger is not None and (report := self.ledger.report()):
            self._send({"lease": "budget", **report})


def share_closings(
    leases: Leases,
    dispatcher: Dispatcher,
    to_json: Callable[[CallError], Json],
    from_json: Callable[[Json], CallError],
) -> None:
    """Tell other holders when this one closes a model or an endpoint, and close here what they close."""
    addresses = {one: address for address, one in dispatcher.endpoints.items()}
    hearing: set[str] = set()

    def tell(endpoint: Endpoint, error: CallError) -> None:
        address = addresses.get(endpoint)
        if address is not None and address not in hearing:
            limiter = endpoint.limiter
            assert isinstance(limiter, LeasedLimiter)
            limiter.shut({"model": address, "error": to_json(error)})

    def hear(closing: dict[str, Json]) -> None:
        address = closing["model"]
        endpoint = dispatcher.endpoints.get(address)
        if endpoint is not None and endpoint.closed is None:
            hearing.add(address)
            dispatcher.shut(endpoint, from_json(closing["error"]))
            hearing.discard(address)

    for limiter in leases.limiters.values():
        limiter.tell_closed = tell
        limiter.on_closed = hear
        for closing in limiter.closings:
            hear(closing)
