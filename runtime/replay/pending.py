"""The things that a replayed run waits for: calls, externs and timers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from ..engine.decisions import Call, Known, LaunchExtern
from ..vocabulary.errors import BudgetError
from ..vocabulary.json_value import Json
from .cursor import CallId
from .source import Came, Returned


class PendingCalls:
    """The calls that wait for their answers. ``seen`` are all calls that the flow made.

    ``spent`` is the sentence with which calls fail that a budget never had room for. "" if nothing tells which ones.
    """

    def __init__(self, spent: str = "") -> None:
        self.spent = spent
        self._unsent: dict[int, None] = {}
        self.seen: set[CallId] = set()
        self._calls: dict[CallId, Call] = {}
        self._ids: dict[int, CallId] = {}

    def __iter__(self) -> Iterator[tuple[CallId, Call]]:
        return iter(self._calls.items())

    def add(self, name: CallId, call: Call) -> None:
        self.seen.add(name)
        self._calls[name] = call
        self._ids[call.number] = name

    def mark(self, call: Call, found: Known, *, unsent: bool) -> Known:
        """Keep a call that was never sent, and tell so in what was found of it."""
        if unsent:
            self._unsent[call.number] = None
        elif found.answer is not None:
            self._unsent.pop(call.number, None)
        return replace(found, unsent=unsent)

    def forget(self, number: int) -> None:
        """Hear that nothing needs a call any more."""
        self._unsent.pop(number, None)

    def refused(self) -> Came | None:
        """Take out the first call that was never sent, and return its failure. None if there is none."""
        for number in self._unsent:
            del self._unsent[number]
            return Came(number, BudgetError(self.spent))
        return None

    def get(self, name: CallId) -> Call | None:
        return self._calls.get(name)

    def name(self, number: int) -> CallId | None:
        """Return the name of the call with this number, None if it does not wait."""
        return self._ids.get(number)

    def drop(self, name: CallId) -> None:
        call = self._calls.pop(name, None)
        if call is not None:
            self._ids.pop(call.number, None)


class PendingExterns:
    """The calls of externs that wait, and the values that came before the flow asked for them."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[int]] = {}
        self._values: dict[str, Json] = {}

    def launch(self, launch: LaunchExtern) -> Returned | None:
        """Add a call. Return its value if that has come already."""
        if launch.path in self._values:
            return Returned(launch.number, self._values.pop(launch.path))
        self._waiting.setdefault(launch.path, deque()).append(launch.number)
        return None

    def give(self, path: str, value: Json) -> Returned | None:
        """Give a value to the first call that waits at a path. Keep the value if none waits."""
        if waiting := self._waiting.get(path):
            return Returned(waiting.popleft(), value)
        self._values[path] = value
        return None


class ReplayTimers:
    """The timers that run. ``now`` is the time of the replay, in milliseconds since the run began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ends: dict[int, float] = {}

    def start(self, timer: int, seconds: float) -> None:
        self._ends[timer] = self.now + seconds * 1000

    def stop(self, timer: int) -> None:
        self._ends.pop(timer, None)

    def move(self, to: float) -> int | None:
        """Move the time forward. Return the first timer that ends before it, if any."""
        self.now = max(self.now, to)
        return self.first(self.now)

    def first(self, before: float = float("inf")) -> int | None:
        """Take out the timer that ends first. Return None if none ends before this time."""
        timer = min(self._ends, key=lambda one: self._ends[one], default=None)
        if timer is None or (self._ends[timer] >= before and before != float("inf")):
            return None
        del self._ends[timer]
        return timer
