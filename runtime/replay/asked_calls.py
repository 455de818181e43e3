"""The calls that the engine asks for, with what it alone knows of them."""

from __future__ import annotations

from flowrun.dsl import dataclass

from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, ReadAnswer
from ..vocabulary.call import Request
from ..vocabulary.sent_call import SentCall
from .call_surroundings import surroundings_of
from .driver import End


@dataclass(eq=False, slots=True)
class AskedCall:
    """A call as the engine asks for it: its last repetition, its first request, and its surroundings in the flow.

    ``read`` reads the values of its answers; None if another process asks and reads. ``end`` is ``waiting`` until the
    flow has a value or gives it up. ``reason`` is the reason of a failure.
    """

    call: Call
    request: Request
    labels: tuple[str, ...]
    vote: str
    read: ReadAnswer | None
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

    def elsewhere(self, sent: SentCall) -> None:
        """Take a call that another process asks for and sends."""
        call = Call(0, sent.path, sent.model, sent.request, place=sent.place)
        known = self.by_place.get(sent.place)
        if known is None:
            self.by_place[sent.place] = AskedCall(call, call.request, sent.labels or (), sent.vote, None)
        else:
            # The worker that had the call may have died, and another one asks again.
            known.call, known.end, known.reason = call, "waiting", ""

    def ended(self, place: str, end: End, reason: str) -> None:
        """Take the end of a call, with the reason of a failure."""
        if (known := self.by_place.get(place)) is not None:
            known.end, known.reason = end, reason

    def heard(self, call: Call, value: object) -> None:
        if (known := self.by_place.get(call.place)) is not None and not isinstance(value, Exception):
            known.end = "answered"

    def failed(self, call: Call, failure: Failure) -> None:
        self.ended(call.place, "failed", failure.reason)

    def cancelled(self, call: Call) -> None:
        self.ended(call.place, "cancelled", "")
