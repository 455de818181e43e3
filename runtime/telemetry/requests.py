"""The spans of the requests of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from . import names
from .facts import NO_PLACE, Attributes, error_type, of_bill, of_reply, of_start, usage_of
from .share import Share

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

REASON = 500
"""The most characters of a reason that a span keeps."""


@dataclass(eq=False, slots=True)
class OpenRequest:
    """A request that was sent: its span is made when it ends. ``marks`` are the events of the span.

    ``waited`` has the milliseconds before its attempts, by cause.
    """

    began: int
    model: str
    path: str
    around: Context
    attributes: Attributes
    attempts: int = 1
    how: str = ""
    error: object = None
    marks: list[tuple[str, Attributes, int]] = field(default_factory=list)
    waited: Counter[str] = field(default_factory=Counter)


class RequestSpans:
    """The spans of requests.

    A request has one span for all its attempts, as the conventions ask; each attempt that failed is an event of it. The
    span is made when the request ends. The tokens and dollars of all spans are what the run paid: an answer that cannot
    be used is paid, and ends its request. ``texts`` lets prompts and answers in. ``places`` has the attributes that
    tell where a model is, by its address.
    """

    def __init__(self, tracer: Tracer, share: Share, *, texts: bool) -> None:
        from opentelemetry import trace

        self._api: Any = trace
        self._tracer = tracer
        self._share = share
        self._texts = texts
        self._open: dict[int, OpenRequest] = {}
        self.places: dict[str, Attributes] = {}

    def begin(self, event: e.RequestStarted, around: Context, at: int) -> None:
        request = self._open.get(event.number)
        if request is None:
            attributes = of_start(event, texts=self._texts) | self.places.get(event.model, NO_PLACE)
            request = self._open[event.number] = OpenRequest(at, event.model, event.path, around, attributes)
        else:
            request.attempts += 1
        if event.waited:
            request.waited.update({cause.value: milliseconds for cause, milliseconds in event.waited.items()})

    def attempt_failed(self, event: e.AttemptFailed, cost: float | None) -> None:
        if request := self._open.get(event.number):
            request.how, request.error = event.how, event.error
            request.attributes |= of_bill(event.usage, cost)

    def retry(self, event: e.RequestRetried, at: int) -> None:
        if request := self._open.get(event.number):
            kind = error_type(event.error or request.error, request.how or "_OTHER")
            told = {names.ERROR_TYPE: kind, "flowrun.reason": event.reason[:REASON], "flowrun.wait": event.wait}
            request.marks.append((names.RETRY_EVENT, told, at))

    def finish(self, event: e.RequestFinished, cost: float | None, at: int) -> None:
        if (request := self._open.pop(event.number, None)) is not None:
            request.attributes |= of_reply(event, texts=self._texts) | of_bill(usage_of(event), cost)
            # The event comes when the answers are on the disk; the reply itself came earlier.
            self._make(request, at if request.attempts > 1 else request.began + int(event.seconds * 1e9))

    def fail(self, event: e.RequestFailed, at: int) -> None:
        if (request := self._open.pop(event.number, None)) is not None:
            self._make(request, at, error_type(event.error or request.error, request.how or "_OTHER"), event.reason)

    def cancel(self, number: int, at: int) -> None:
        if (request := self._open.pop(number, None)) is not None:
            # Nothing went wrong: the answer was not needed any more.
            request.attributes[names.CALL_STATE] = "cancelled"
            self._make(request, at)

    def cancel_all(self, at: int) -> None:
        for number in tuple(self._open):
            self.cancel(number, at)

    def _make(self, request: OpenRequest, ended: int, failed: str = "", reason: str = "") -> None:
        if not self._share.takes(request.path):
            if not failed:
                return
            self._share.rescue()
        if request.attempts > 1:
            request.attributes[names.REQUEST_ATTEMPTS] = request.attempts
        for cause, milliseconds in request.waited.items():
            request.attributes[names.WAIT + cause] = milliseconds / 1000
        span = self._tracer.start_span(
            f"{names.CHAT} {names.model_name(request.model)}",
            request.around,
            kind=self._api.SpanKind.CLIENT,
            attributes=request.attributes,
            start_time=request.began,
        )
        for name, told, at in request.marks:
            span.add_event(name, told, at)
        if failed:
            fail(span, failed, reason)
        span.end(max(ended, request.began))


def fail(span: Span, kind: str, reason: str) -> None:
    """Set the error of a span, by the conventions for errors."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute(names.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR, reason[:REASON] or None))
