"""The reads of a run, and the work that waits for their values.

Work that needs a read is given up and tried again when the read is done. So the work must change nothing before all its
expressions are evaluated.

A read holds the engine: until the read is done, the engine does no other work and gives out no decision. So a run has
the same order as if reading took no time. A slow read is an exception: it holds the engine only at the start of the
run. The start waits for all reads, so that no call goes out if one of them fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import field
from functools import partial

from flowrun.dsl import dataclass

from ..values.reads import ReadNeeded, is_read
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .decisions import CancelRead, Decision, Read

Args = Mapping[str, Json]
Functions = Callable[[str, Args, Callable[[str], Tally | None]], Json]
Owner = object
"""A frame or a block. When it is cancelled, its work is cancelled too."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A finished read. ``value`` is a FlowrunError if the read failed."""

    function: str
    args: Args
    value: Json


@dataclass(eq=False, slots=True)
class _Attempt:
    """Work that is tried again until all its reads are done.

    ``done`` are the finished reads of the whole work. The work may have parts: ``passing`` are the finished reads of
    the current part, and ``parts`` are the values of the finished parts. ``in_part`` is True while a part is worked
    out.
    """

    owner: Owner
    work: Callable[[], None]
    done: list[_Done] = field(default_factory=list)
    passing: list[_Done] = field(default_factory=list)
    parts: dict[Hashable, Json] = field(default_factory=dict)
    in_part: bool = False


@dataclass(eq=False, slots=True)
class _Out:
    """A read that is under way, and the attempts that wait for it, each with the list that gets the value."""

    read: Read
    key: Hashable | None
    waiting: list[tuple[_Attempt, list[_Done]]] = field(default_factory=list)


class _Table:
    """The reads that are under way, by their numbers. Equal reads share one entry."""

    def __init__(self) -> None:
        self._out: dict[int, _Out] = {}
        self._equal: dict[Hashable, _Out] = {}
        self._count = 0

    def __getitem__(self, number: int) -> _Out:
        return self._out[number]

    def enter(self, needed: ReadNeeded) -> tuple[_Out, bool]:
        """Find an equal read that is under way, or enter a new one. Return it, and True if it is new."""
        key = _key(needed)
        out = None if key is None else self._equal.get(key)
        if out is not None:
            return out, False
        self._count += 1
        out = self._out[self._count] = _Out(Read(self._count, needed.function, needed.given), key)
        if key is not None:
            self._equal[key] = out
        return out, True

    def take(self, number: int) -> _Out | None:
        out = self._out.pop(number, None)
        if out is not None:
            self._equal.pop(out.key, None)
        return out


class Reads:
    """The reads of one run. ``work`` is the engine's queue of work. Work that was given up is queued there again.

    ``beginning`` is True until the run has begun; till then every read holds the engine. ``holding`` are the numbers of
    the reads that hold it. ``new`` are the decisions to start reads that were not given out yet.
    """

    def __init__(self, functions: Functions, decisions: list[Decision], events: list[e.Event]) -> None:
        self.work: deque[Callable[[], None]] = deque()
        self.beginning = True
        self._functions = functions
        self._decisions = decisions
        self._events = events
        self._attempt: _Attempt | None = None
        self.new: list[Decision] = []
        self._out = _Table()
        self.holding: set[int] = set()
        self._over: list[_Out] = []
        self._waits: dict[Owner, set[int]] = {}

    def attempt(self, owner: Owner, work: Callable[[], None]) -> None:
        """Do work that evaluates expressions. If it needs a read, do it again when the read is done.

        The work is dropped if its owner is cancelled.
        """
        self._try(_Attempt(owner, work))

    def once(self, key: Hashable, part: Callable[[], Json]) -> Json:
        """Return the value of a part of the work. It is worked out once, and then its reads are forgotten.

        So a long list does not keep the files of all its elements in memory.
        """
        attempt = self._attempt
        if attempt is None:
            return part()
        if key not in attempt.parts:
            attempt.in_part = True
            value = part()
            attempt.in_part = False
            attempt.passing.clear()
            attempt.parts[key] = value
        return attempt.parts[key]

    def call(self, function: str, args: Args, tally: Callable[[str], Tally | None]) -> Json:
        """Call a function of the language. Raises ReadNeeded if the function is a read whose value is not there yet."""
        if not is_read(function, args):
            return self._functions(function, args, tally)
        if self._attempt is not None:
            for done in (*self._attempt.done, *self._attempt.passing):
                if done.function == function and done.args == args:
                    if isinstance(done.value, FlowrunError):
                        raise done.value
                    return done.value
        raise ReadNeeded(function, args)

    def slow(self, number: int) -> None:
        """Record that a read takes long. Once the run has begun, such a read does not hold the engine."""
        if not self.beginning:
            self.holding.discard(number)
            self._release()

    def over(self, number: int, value: Json) -> None:
        """Take the value of a read, or its FlowrunError. Ignore it if the read was cancelled in the meantime."""
        out = self._out.take(number)
        if out is None:
            return
        for attempt, table in out.waiting:
            table.append(_Done(out.read.function, out.read.args, value))
            numbers = self._waits.get(attempt.owner, set())
            numbers.discard(number)
            if not numbers:
                # The owner may be gone already, if two pieces of its work waited for this read.
                self._waits.pop(attempt.owner, None)
        if number in self.holding:
            self.holding.discard(number)
            self._over.append(out)
            self._release()
        else:
            self.work.extend(partial(self._try, attempt) for attempt, _ in out.waiting)

    def cancel(self, owner: Owner) -> None:
        """Drop the work of an owner. Cancel each read that nothing else waits for."""
        for number in sorted(self._waits.pop(owner, ())):
            out = self._out[number]
            out.waiting = [one for one in out.waiting if one[0].owner is not owner]
            if not out.waiting:
                self._out.take(number)
                self._decisions.append(CancelRead(number))
                self.holding.discard(number)
                self._release()

    def _try(self, attempt: _Attempt) -> None:
        before, self._attempt = self._attempt, attempt
        events = len(self._events)
        try:
            attempt.work()
        except ReadNeeded as needed:
            del self._events[events:]
            self._park(attempt, needed)
        finally:
            attempt.in_part = False
            self._attempt = before

    def _park(self, attempt: _Attempt, needed: ReadNeeded) -> None:
        """Let an attempt wait for a read. The same read may be under way for other work already."""
        out, entered = self._out.enter(needed)
        if entered:
            self.new.append(out.read)
            self.holding.add(out.read.number)
        out.waiting.append((attempt, attempt.passing if attempt.in_part else attempt.done))
        self._waits.setdefault(attempt.owner, set()).add(out.read.number)

    def _release(self) -> None:
        """Put the waiting work at the front of the queue, if no read holds the engine."""
        if self.holding:
            return
        again = [attempt for out in sorted(self._over, key=lambda one: one.read.number) for attempt, _ in out.waiting]
        self._over.clear()
        self.work.extendleft(partial(self._try, attempt) for attempt in reversed(again))


def _key(needed: ReadNeeded) -> Hashable | None:
    """Return a key that equal reads share.

    None for `split`, whose text is too long to compare, and for arguments without a hash.
    """
    if needed.function == "split":
        return None
    if needed.function == "pages":
        return needed.function, getattr(needed.given.get("document"), "digest", "")
    key = (needed.function, *sorted(needed.given.items(), key=lambda one: one[0]))
    try:
        hash(key)
    except TypeError:
        return None
    return key
