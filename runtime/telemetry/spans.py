"""The spans of one run: the run, its steps, and its requests."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from . import names
from .facts import Attributes, error_type, of_reply, of_start, of_usage
from .share import MOST, Share, above

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

_REASON = 500
"""The most characters of a reason that a span keeps."""


@dataclass(eq=False, slots=True)
class OpenStep:
    """A step that has begun. ``span`` is None if it was left out; ``around`` is the context of the step around it."""

    began: int
    kind: str
    around: Context
    span: Span | None = None
    context: Context | None = None


@dataclass(eq=False, slots=True)
class OpenRequest:
    """A request that was sent: its span is made when it ends. ``marks`` are the events of the span."""

    began: int
    model: str
    path: str
    around: Context
    attributes: Attributes
    attempts: int = 1
    how: str = ""
    error: object = None
    marks: list[tuple[str, Attributes, int]] = field(default_factory=list)


class RunSpans:
    """The spans of one run, made from its events.

    A request has one span for all its attempts, as the conventions ask; each attempt that failed is an event of it. The
    span is made when the request ends, and a step's when it begins, since the spans inside name it. A step that is
    cancelled has no event of its own: its span ends with the step around it, or with the run. ``texts`` lets prompts
    and answers into the spans, and ``parent`` is the context of the caller.
    """

    def __init__(
        self, tracer: Tracer, started: e.RunStarted, parent: Context, *, texts: bool = False, most: int = MOST
    ) -> None:
        from opentelemetry import trace

        self._api: Any = trace
        self._tracer = tracer
        self._texts = texts
        self._origin = time.time_ns() - int(started.at * 1e9)
        self._share = Share(most)
        self._share.expect("", 1, started.steps)
        attributes = {names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: started.flow}
        self._run = tracer.start_span(
            f"{names.INVOKE_WORKFLOW} {started.flow}", parent, attributes=attributes, start_time=self.at(started)
        )
        self._context: Context = trace.set_span_in_context(self._run, parent)
        self._steps: dict[str, OpenStep] = {}
        self._inside: dict[str, set[str]] = {}
        self._requests: dict[int, OpenRequest] = {}

    @property
    def made(self) -> int:
        """The spans of the run so far, with its own."""
        return self._share.made + 1

    @property
    def left_out(self) -> int:
        return self._share.left_out

    def at(self, event: e.Moment) -> int:
        """Return the time of an event in nanoseconds since 1970."""
        return self._origin + int(event.at * 1e9)

    # Steps

    def expect(self, event: e.BlockOpened | e.BlockGrew) -> None:
        """Take that a block begins or grows."""
        self._share.expect(event.path, event.elements, event.steps)

    def begin_step(self, event: e.StepStarted) -> None:
        if event.kind == "value":
            return
        path = event.path
        step = OpenStep(self.at(event), event.kind, self._around(path))
        if self._share.takes(path):
            step.span = self._step_span(path, step)
            step.context = self._api.set_span_in_context(step.span, step.around)
        self._steps[path] = step
        self._inside.setdefault(above(path), set()).add(path)
        parent = above(path)
        # The chain of paths up to the run, so that all that lies in a step is found when it ends.
        while parent and parent not in self._inside.get(above(parent), ()):
            self._inside.setdefault(above(parent), set()).add(parent)
            parent = above(parent)

    def end_step(self, event: e.StepFinished | e.StepFailed) -> None:
        step = self._steps.pop(event.path, None)
        if step is None:
            return
        ended = self.at(event)
        self.close(event.path, event)
        span = step.span
        if isinstance(event, e.StepFailed):
            if span is None:
                self._share.rescue()
                span = self._step_span(event.path, step)
            self._fail(span, error_type(event.error, "_OTHER"), event.reason)
        elif span is not None and event.skipped:
            span.set_attribute(names.STEP_SKIPPED, True)
        if span is not None:
            span.end(ended)

    def close(self, path: str, event: e.Moment) -> None:
        """End the open steps inside a step or an element that is over."""
        self._end_inside(path, self.at(event))
        self._inside.get(above(path), set()).discard(path)

    def _step_span(self, path: str, step: OpenStep) -> Span:
        attributes = {names.STEP_PATH: path, names.STEP_KIND: step.kind}
        # The name has no numbers of elements: backends group spans by name.
        name = f"{step.kind} {path.rpartition('.')[2].partition('[')[0]}"
        return self._tracer.start_span(name, step.around, attributes=attributes, start_time=step.began)

    def _end_inside(self, path: str, ended: int) -> None:
        """End the open steps inside a step. They were cancelled with it, or skipped."""
        for inner in self._inside.pop(path, ()):
            self._end_inside(inner, ended)
            step = self._steps.pop(inner, None)
            if step is not None and step.span is not None:
                step.span.set_attribute(names.STEP_CANCELLED, True)
                step.span.end(max(ended, step.began))

    def _around(self, path: str) -> Context:
        """Return the context of the nearest step around a path that has a span, or else of the run."""
        path = above(path)
        while path:
            step = self._steps.get(path)
            if step is not None and step.context is not None:
                return step.context
            path = above(path)
        return self._context

    def mark(self, path: str, name: str, attributes: Attributes, event: e.Moment) -> None:
        """Add an event to the span of the step at a path, or else to the nearest span around it."""
        step = self._steps.get(path)
        context = step.context if step is not None and step.context is not None else self._around(path)
        self._api.get_current_span(context).add_event(name, attributes, self.at(event))

    # Requests

    def begin_request(self, event: e.RequestStarted) -> None:
        known = self._requests.get(event.number)
        if known is not None:
            known.attempts += 1
            return
        step = self._steps.get(event.path)
        context = step.context if step is not None and step.context is not None else self._around(event.path)
        attributes = of_start(event, texts=self._texts)
        self._requests[event.number] = OpenRequest(self.at(event), event.model, event.path, context, attributes)

    def attempt_failed(self, event: e.AttemptFailed) -> None:
        if request := self._requests.get(event.number):
            request.how, request.error = event.how, event.error
            # A spoilt attempt has a bill, which is the only one if no later attempt has another.
            request.attributes |= of_usage(event.usage)

    def retry(self, event: e.RequestRetried) -> None:
        if request := self._requests.get(event.number):
            kind = error_type(event.error or request.error, request.how or "_OTHER")
            told = {names.ERROR_TYPE: kind, "flowrun.reason": event.reason[:_REASON], "flowrun.wait": event.wait}
            request.marks.append((names.RETRY_EVENT, told, self.at(event)))

    def finish_request(self, event: e.RequestFinished, cost: float | None) -> None:
        if (request := self._requests.pop(event.number, None)) is not None:
            request.attributes |= of_reply(event, cost, texts=self._texts)
            # The event comes when the answers are on the disk; the reply itself came earlier.
            self._make(request, max(request.began, self.at(event)) if request.attempts > 1 else _after(request, event))

    def fail_request(self, event: e.RequestFailed) -> None:
        if (request := self._requests.pop(event.number, None)) is not None:
            kind = error_type(event.error or request.error, request.how or "_OTHER")
            self._make(request, self.at(event), kind, event.reason)

    def cancel_request(self, event: e.RequestCancelled) -> None:
        if (request := self._requests.pop(event.number, None)) is not None:
            # Nothing went wrong: the answer was not needed any more.
            request.attributes[names.CALL_STATE] = "cancelled"
            self._make(request, self.at(event))

    def _make(self, request: OpenRequest, ended: int, failed: str = "", reason: str = "") -> None:
        if not self._share.takes(request.path):
            if not failed:
                return
            self._share.rescue()
        if request.attempts > 1:
            request.attributes[names.REQUEST_ATTEMPTS] = request.attempts
        span = self._tracer.start_span(
            f"{names.CHAT} {names.model_name(request.model)}",
            request.around,
            kind=self._api.SpanKind.CLIENT,
            attributes=request.attributes,
            start_time=request.began,
        )
        for name, attributes, at in request.marks:
            span.add_event(name, attributes, at)
        if failed:
            self._fail(span, failed, reason)
        span.end(max(ended, request.began))

    # The run

    def finish(self, event: e.RunFinished) -> None:
        """End the run and all that is still open."""
        ended = self.at(event)
        for request in self._requests.values():
            request.attributes[names.CALL_STATE] = "cancelled"
            self._make(request, ended)
        self._requests.clear()
        self._end_inside("", ended)
        self._run.set_attribute(names.RUN_STATUS, event.status)
        if self._share.left_out:
            self._run.set_attribute(names.LEFT_OUT, self._share.left_out)
        if event.status not in GOOD:
            self._fail(self._run, event.status, "")
        self._run.end(ended)

    def _fail(self, span: Span, kind: str, reason: str) -> None:
        span.set_attribute(names.ERROR_TYPE, kind)
        span.set_status(self._api.Status(self._api.StatusCode.ERROR, reason[:_REASON] or None))


GOOD = frozenset({"done", "partial"})


def _after(request: OpenRequest, event: e.RequestFinished) -> int:
    return request.began + int(event.seconds * 1e9)
