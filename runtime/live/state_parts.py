"""The parts of the state of a run for its live pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import field
from itertools import takewhile

from flowrun.dsl import dataclass

from ..account.causes import Causes
from ..replay.call_book import MOST_CALLS, MOST_TEXT, text_in
from ..replay.call_book import CallDraft as BookedCall
from ..vocabulary import events as e
from ..vocabulary.run_record import LossRecord
from ..vocabulary.tally import Tally


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
class Losses:
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
class Room:
    """The characters that the book of calls holds. It is ``full`` when it takes no further calls.

    ``asked`` is False when it takes no further calls from the engine, which may ask for all of a map at once.
    """

    text: int = 0
    full: bool = False
    asked: bool = True

    def take(self, event: e.Event, calls: int) -> None:
        self.text += text_in(event)
        self.full = self.full or calls > MOST_CALLS or self.text > MOST_TEXT


@dataclass(eq=False, slots=True)
class Times:
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


@dataclass(eq=False, slots=True)
class Votes:
    """The tallies so far, and the places of the calls around each path that may be that of a vote."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    changed: Versions = field(default_factory=Versions)
    around: dict[str, list[str]] = field(default_factory=dict)

    def sampled(self, call: BookedCall) -> None:
        """Note a call that is a sample of a vote, or may be one if the engine did not tell."""
        for path in call.around() if call.asked is None else filter(None, (call.asked.vote,)):
            self.around.setdefault(path, []).append(call.place)

    def count(self, event: e.VoteCounted, version: int) -> Sequence[str]:
        """Take a tally. Return the places of its calls, each of which has its ballot."""
        self.tallies[event.path] = event.tally
        self.changed.put(event.path, version)
        return self.around.pop(event.path, ())
