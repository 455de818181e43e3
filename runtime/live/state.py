"""The state of a run for its live pages, counted from its events. Any thread may ask what changed since a version."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import takewhile
from typing import cast

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..account.causes import Causes
from ..account.figures import figures_of
from ..account.progress import awaited
from ..account.summary import Summary
from ..costs.prices import Prices
from ..pages.head import STATE, Figures
from ..pages.live_page import Changes
from ..replay.call_book import KINDS, MOST_CALLS, MOST_TEXT, CallBook, CallEvent, text_in
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.run_record import EndRecord, LossRecord, RunRecord
from ..vocabulary.tally import Tally

_LEAST_SIZE = 500
"""The characters of a call without its texts, about."""
_AT_ONCE = 250
"""The calls that are read in one go, while the run has to wait: about a millisecond."""


class Versions:
    """The version in which each thing changed last, in the order of these changes."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._last)

    def __contains__(self, name: str) -> bool:
        return name in self._last

    def put(self, name: str, version: int) -> None:
        self._last.pop(name, None)
        self._last[name] = version

    def since(self, version: int) -> list[tuple[str, int]]:
        """Return what changed after a version, and in which one it changed last, the oldest change first."""
        return list(takewhile(lambda one: one[1] > version, reversed(self._last.items())))[::-1]


@dataclass(eq=False, slots=True)
class _Losses:
    """The losses so far. ``open`` are the failed steps, by path, that no block has left out yet."""

    causes: Causes = field(default_factory=Causes)
    count: int = 0
    open: dict[str, str] = field(default_factory=dict)

    def take(self, event: e.Event) -> None:
        match event:
            case e.StepFailed(path, reason):
                self.open[path] = reason
            case e.ElementLost(path, reason):
                self.open.pop(path, None)
                self.causes.add(path, reason)
                self.count += 1

    def records(self) -> tuple[LossRecord, ...]:
        return tuple(LossRecord(path, reason, fatal=True) for path, reason in self.open.items())


@dataclass(eq=False, slots=True)
class _Room:
    """The characters that the book of calls holds. It is ``full`` when it takes no further calls."""

    text: int = 0
    full: bool = False

    def take(self, event: e.Event, calls: int) -> None:
        self.text += text_in(event)
        self.full = self.full or calls >= MOST_CALLS or self.text > MOST_TEXT


@dataclass(eq=False, slots=True)
class _Times:
    """The time of the first event and of the last, in ms of the run, and the length of a run that has ended."""

    began: int | None = None
    last: int = 0
    heard: float = 0.0
    status: str = "running"

    def take(self, event: e.Event) -> None:
        self.last, self.heard = round(1000 * event.at), time.monotonic()
        if self.began is None:
            self.began = self.last
        if type(event) is e.RunFinished:
            self.status = event.status

    def length(self) -> int:
        if self.began is None:
            return 0
        since = round(1000 * (time.monotonic() - self.heard)) if self.status == "running" else 0
        return self.last - self.began + since


class LiveState(PartialListener):
    """A listener that knows the state of a run, and the version in which each call and each vote changed last.

    A page holds the number of its version, and nothing waits for it here. So a page that takes nothing costs no memory.
    """

    def __init__(self, plan: p.Plan, text: str) -> None:
        self.version = 0
        self._record = RunRecord("", plan, time.time(), None, "running", text=text)
        self._lock = threading.Lock()
        self._summary = Summary()
        self._book = CallBook(self._summary.prices)
        self._room = _Room()
        self._times = _Times()
        self._losses = _Losses()
        self._changed = Versions()
        self._voted = Versions()
        self._tallies: dict[str, Tally] = {}
        self._around: dict[str, list[str]] = {}

    @property
    def whole(self) -> bool:
        """True if the state has all calls of the run."""
        return not self._room.full

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
                self._count(event)
            elif isinstance(event, e.PricesDeclared):
                self._book.prices = self._summary.prices
            else:
                self._losses.take(event)

    def _take(self, event: CallEvent) -> None:
        self._room.take(event, len(self._changed))
        for call in self._book.take(event, known=self._room.full):
            if call.place not in self._changed:
                for path in call.around():
                    self._around.setdefault(path, []).append(call.place)
            self._changed.put(call.place, self.version)

    def _count(self, event: e.VoteCounted) -> None:
        self._tallies[event.path] = event.tally
        self._voted.put(event.path, self.version)
        # Each call of the vote has its ballot now.
        for place in self._around.pop(event.path, ()):
            self._changed.put(place, self.version)

    def since(self, version: int, most: int | None = None) -> Changes:
        """Return the changes since a version, 0 for all of the run.

        ``most`` is the number of characters after which no further call is taken. The version of these changes is then
        that of the last call, and the rest follows with the next changes.
        """
        with self._lock:
            places, latest = self._places(version, most)
            votes, tallies = [path for path, _ in self._voted.since(version)], dict(self._tallies)
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
        )

    def _places(self, version: int, most: int | None) -> tuple[list[str], int]:
        if most is None and not version:
            return list(self._book.calls), self.version
        places: list[str] = []
        size, last = 0, version
        for place, changed in self._changed.since(version):
            # One event can change several calls, which have one version.
            if most is not None and size > most and changed != last:
                return places, last
            places.append(place)
            size, last = size + _LEAST_SIZE + self._book.calls[place].size, changed
        return places, self.version

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return all calls after the end of the run."""
        return tuple(self._read(list(self._book.calls), votes))

    def _read(self, places: list[str], votes: Mapping[str, object]) -> Iterator[CallRecord]:
        for first in range(0, len(places), _AT_ONCE):
            with self._lock:
                yield from [self._book.calls[one].record(votes) for one in places[first : first + _AT_ONCE]]

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
