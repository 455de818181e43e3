"""The calls that the engine asks for, with what it alone knows of them."""

from __future__ import annotations

from flowrun.dsl import dataclass

from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, ReadAnswer
from ..vocabulary.call import Request
from .call_surroundings import surroundings_of
from .driver import End


@dataclass(eq=False, slots=True)
class AskedCall:
    """A call as the engine asks for it: its last repetition, its first request, and its surroundings in the flow.

    ``read`` reads the values of its answers. ``end`` is ``waiting`` until the flow has a value or gives it up.
    ``reason`` is the reason of a failure.
    """

    call: Call
    request: Request
    labels: tuple[str, ...]
    vote: str
    read: ReadAnswer
    end: End = "waiting"
    reason: str = ""


class AskedCalls(CallWatcher):
    """A watcher that keeps each call by its place, in the order in which the flow asked for them."""

    def __init__(self) -> None:
        self.by_place: dict[str, AskedCall] = {}

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        known = self.by_place.get(call.place)
        if known is None:
            labels, vote = surroundings_of(frame)
            self.by_place[call.place] = AskedCall(call, call.request, labels, vote, read)
        else:
            known.call = call

    def heard(self, call: Call, value: object) -> None:
        if (known := self.by_place.get(call.place)) is not None and not isinstance(value, Exception):
            known.end = "answered"

    def failed(self, call: Call, failure: Failure) -> None:
        if (known := self.by_place.get(call.place)) is not None:
            known.end, known.reason = "failed", failure.reason

    def cancelled(self, call: Call) -> None:
        if (known := self.by_place.get(call.place)) is not None:
            known.end = "cancelled"
