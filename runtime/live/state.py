"""The state of a run for its live pages, counted from its events. Any thread may ask what changed since a version."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Literal, cast

from flowrun.dsl import plan as p

from ..account.figures import figures_of
from ..account.progress import awaited
from ..account.summary import Summary
from ..account.sums import Figures as Sums
from ..costs.prices import Prices
from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, ReadAnswer
from ..pages.head import STATE, Figures
from ..pages.live_page import Changes
from ..replay.asked_calls import AskedCalls
from ..replay.call_book import KINDS, MOST_CALLS, CallBook, CallEvent
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.run_record import EndRecord, RunRecord
from ..vocabulary.sent_call import SentCall
from .state_parts import Losses, Room, Times, Versions, Votes

_LEAST_SIZE = 500
"""The characters of a call without its texts, about."""
_AT_ONCE = 250
"""The calls that are read in one go, while the run has to wait: about a millisecond."""


class LiveState(PartialListener, CallWatcher):
    """A listener and watcher that knows the state of a run, and the version in which each call and vote changed last.

    A page holds the number of its version, and nothing waits for it here. So a page that takes nothing costs no memory.
    """

    def __init__(self, plan: p.Plan, text: str) -> None:
        self.version = 0
        self._record = RunRecord("", plan, time.time(), None, "running", text=text)
        self._lock = threading.Lock()
        self._summary = Summary()
        self._asked = AskedCalls()
        self._book = CallBook(self._summary.prices, self._asked.by_place)
        self._room = Room()
        self._times = Times()
        self._losses = Losses()
        self._changed = Versions()
        self._votes = Votes()

    @property
    def has_room(self) -> bool:
        """True if the state takes further calls."""
        return not self._room.full

    @property
    def whole(self) -> bool:
        """True if the state has all calls of the run."""
        return self._room.asked and not self._room.full

    def hears(self, kind: type) -> bool:
        return kind in KINDS or self._summary.hears(kind)

    def __call__(self, event: e.Event) -> None:
        with self._lock:
            self._summary(event)
            self.version += 1
            self._times.take(event)
            if type(event) in KINDS:
                self._take(cast(CallEvent, event))
            elif isinstance(event, e.VoteCounted):
                for place in self._votes.count(event, self.version):
                    self._changed.put(place, self.version)
            elif isinstance(event, e.PricesDeclared):
                self._book.prices = self._summary.prices
            else:
                self._losses.take(event)

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        with self._lock:
            if self._room.asked and not self._room.full:
                self._asked.asked(call, frame, read)
                self._room.asked = len(self._asked.by_place) <= MOST_CALLS

    def heard(self, call: Call, value: object) -> None:
        self._asked.heard(call, value)

    def failed(self, call: Call, failure: Failure) -> None:
        with self._lock:
            self._asked.failed(call, failure)
            self._touch(call.place)

    def cancelled(self, call: Call) -> None:
        with self._lock:
            self._asked.cancelled(call)
            self._touch(call.place)

    def ended(self, place: str, end: Literal["failed", "cancelled"], reason: str) -> None:
        """Take the end of a call of a worker."""
        with self._lock:
            self._asked.ended(place, end, reason)
            self._touch(place)

    def add_figures(self, sums: Sums) -> None:
        """Take the sums of events of a worker."""
        with self._lock:
            self._summary.add_figures(sums)
            self.version += 1

    def _touch(self, place: str) -> None:
        """Note a change of a call that pages have."""
        if place in self._changed:
            self.version += 1
            self._changed.put(place, self.version)

    def _take(self, event: CallEvent) -> None:
        self._room.take(event, len(self._changed))
        if not self._room.full and isinstance(event, e.RequestStarted | e.AnswerRecalled):
            for sent in event.carried if isinstance(event, e.RequestStarted) else (event.call,):
                if isinstance(sent, SentCall) and sent.labels is not None:
                    self._asked.elsewhere(sent)
        for call in self._book.take(event, known=self._room.full):
            if call.place not in self._changed:
                self._votes.sampled(call)
            self._changed.put(call.place, self.version)

    def since(self, version: int, most: int | None = None) -> Changes:
        """Return the changes since a version, 0 for all of the run.

        ``most`` is the number of characters after which no further call is taken, 0 for no call. The version of these
        changes is then that of the last call, and the rest follows with the next changes.
        """
        with self._lock:
            places, latest = self._places(version, most)
            behind = latest != self.version
            votes, tallies = [path for path, _ in self._votes.changed.since(version)], dict(self._votes.tallies)
            causes, open_ = list(self._losses.causes), self._losses.records()
            account, figures = self._account(), self._figures(len(open_))
            models, flying = list(self._summary.account.models), self._summary.flying
            times, status = self._times, self._times.status
        limits = self._summary.limits
        record = self._record
        return Changes(
            RunRecord(
                record.id,
                record.plan,
                record.began,
                None,
                status,
                tuple(self._read(places, tallies)),
                EndRecord(votes=tallies, losses=open_),
                account=account,
                text=record.text,
            ),
            votes,
            figures,
            causes,
            latest,
            flying,
            "; ".join(awaited(one) for one in limits.waiting()) if limits is not None and status == "running" else "",
            models,
            times.began or 0,
            not self.whole,
            behind,
        )

    def _places(self, version: int, most: int | None) -> tuple[list[str], int]:
        if most == 0:
            return [], version
        places: list[str] = []
        size, last = 0, version
        for place, changed in self._changed.since(version):
            # An event can change several calls, which have one version.
            if most is not None and size > most and changed != last:
                return places, last
            places.append(place)
            size, last = size + _LEAST_SIZE + self._book.calls[place].size, changed
        return places, self.version

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return all calls after the end of the run, in the order in which the flow asked for them."""
        return tuple(self._read(self._book.places(), votes))

    def _read(self, places: list[str], votes: Mapping[str, object]) -> Iterator[CallRecord]:
        for first in range(0, len(places), _AT_ONCE):
            with self._lock:
                yield from [self._book.record(one, votes) for one in places[first : first + _AT_ONCE]]

    def _account(self) -> dict[str, object]:
        return figures_of(self._summary.whole, self._summary.prices)

    def _figures(self, fatal: int) -> Figures:
        summary, whole, limits = self._summary, self._summary.whole, self._summary.limits
        return Figures(
            state=STATE.get(self._times.status, f"{self._times.status.capitalize()}."),
            calls=len(self._changed) if self.whole else summary.account.answered + summary.flying,
            requests=whole.requests,
            ms=self._times.length(),
            cost=summary.prices.of(whole),
            unbilled=whole.unbilled(summary.prices),
            calls_limit=None if limits is None else limits.calls,
            money_limit=None if limits is None else limits.dollars,
            early=summary.spared,
            reused=summary.recalled,
            cached=0,
            losses=self._losses.count + fatal,
        )
