"""The calls that are under way, and the line of calls that wait for room in a budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sized
from dataclasses import replace
from typing import NamedTuple

from flowrun.dsl import dataclass

from ..vocabulary.call import Request
from ..vocabulary.errors import BudgetError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import Usage
from .asks import PreparedAsk
from .decisions import Call, Failure, Known, Sample
from .frames import Frame
from .holds import Hold
from .withheld_calls import Withheld

ALONE = Sample()
"""The place of an answer that is the only one to its question."""


@dataclass(eq=False, slots=True)
class Pending:
    """A call that is under way or waits in line. ``request`` is its first request, before any correction.

    If an answer does not fit, the call is repeated at most ``tries`` times. After a final failure, the model at the
    address ``fallback`` gets the call. ``since`` is the time at which it joined the line, None if it is not in line.
    """

    call: Call
    request: Request
    frame: Frame
    ask: PreparedAsk
    on_value: Callable[[Json], None]
    on_failure: Callable[[Failure], None]
    tries: int
    fallback: str | None
    hold: Hold
    since: float | None = None

    @property
    def waits(self) -> bool:
        """True while the call is in line."""
        return self.since is not None

    def recalled(self, find: Callable[[Call], Known]) -> Known:
        """Look up the call in the journal. If it has no answer there, look up its request without the correction."""
        known = find(self.call)
        if known.answer is None and self.call.request is not self.request:
            bare = find(replace(self.call, request=self.request))
            return known if bare.answer is None else bare
        return known

    def count_time_in_line(self, now: Callable[[], float]) -> None:
        """Add the time in line, if the call was in line, to the time for which a budget withheld it."""
        if self.since is not None:
            self.call.withheld += now() - self.since

    def count_tokens(self, usage: Usage) -> None:
        """Add the tokens of an answer to each vote around the call."""
        within = self.frame.within
        for vote in () if within is None else within.around.votes:
            vote.add(self.call.model, usage)

    def spoilt(self, usage: Usage) -> None:
        """Take the bill of an answer that cannot be used."""
        self.hold.settle(usage)
        self.count_spoilt(usage)

    def count_spoilt(self, usage: Usage) -> None:
        """Add the tokens of a spoilt answer, which is paid. Without a bill it is left out."""
        if usage.known:
            self.count_tokens(usage)


class Service(NamedTuple):
    """The parts of the run that the line of calls needs.

    ``wanted`` tells whether a call was not cancelled. ``send`` sends it and returns True; False if it must wait for the
    bills of others. ``refuse`` fails it, because no budget will ever have room. ``out`` are the calls under way.
    """

    wanted: Callable[[Pending], bool]
    send: Callable[[Pending], bool]
    refuse: Callable[[Pending, BudgetError], None]
    out: Sized


class BudgetLine:
    """The line of calls that wait for room in a budget. ``withheld`` counts them; ``now`` tells the time."""

    def __init__(self, withheld: Withheld, now: Callable[[], float]) -> None:
        self._now = now
        self._calls: deque[Pending] = deque()
        self._withheld = withheld

    def __bool__(self) -> bool:
        return bool(self._calls)

    def serve(self, service: Service) -> bool:
        """Send the calls for which the budgets have room. Return True if any left the line."""
        moved = False
        while self._calls:
            pending = self._calls[0]
            try:
                if service.wanted(pending) and not service.send(pending):
                    break
            except BudgetError as error:
                if service.out and not error.flow:
                    break
                service.refuse(pending, error)
            self.pop()
            moved = True
        return moved

    def put(self, pending: Pending) -> None:
        self._calls.append(pending)
        pending.since = self._now()
        self._withheld.call(pending.call.model, 1)

    def pop(self) -> None:
        self.forget(self._calls.popleft())

    def forget(self, pending: Pending) -> None:
        """Record that a call needs no room any more. A cancelled call keeps its place in line until its turn."""
        if pending.waits:
            pending.since = None
            self._withheld.call(pending.call.model, -1)


class Outgoing:
    """The numbers of the calls under way, and how many of them each model has.

    ``places`` returns the requests that the endpoint of a model takes at once; None if that is not known.
    """

    __slots__ = ("_counts", "_models", "places")

    def __init__(self) -> None:
        self._models: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self.places: Callable[[str], int | None] = _unknown

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, number: int) -> bool:
        return number in self._models

    def add(self, number: int, model: str) -> None:
        self._models[number] = model
        self._counts[model] = self._counts.get(model, 0) + 1

    def discard(self, number: int) -> None:
        model = self._models.pop(number, None)
        if model is not None:
            self._counts[model] -= 1

    def free(self, model: str) -> int | None:
        """Return the places of a model's endpoint that no call of this run takes. None if that is not known."""
        places = self.places(model)
        return None if places is None else max(0, places - self._counts.get(model, 0))


def _unknown(model: str) -> int | None:
    return None
