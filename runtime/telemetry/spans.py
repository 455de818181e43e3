"""The spans of one run and of its steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from . import names
from .facts import Attributes, error_type
from .requests import RequestSpans, fail
from .share import Share, above

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer


@dataclass(eq=False, slots=True)
class OpenStep:
    """A step that has begun. ``span`` is None if it was left out; ``around`` is the context of the step around it."""

    began: int
    kind: str
    around: Context
    span: Span | None = None
    context: Context | None = None


class RunSpans:
    """The spans of one run, made from its events.

    The span of a step is made when the step begins, since the spans inside name it. A step that is cancelled has no
    event of its own: its span ends with the step around it, or with the run. ``run`` is the span of the run, and
    ``context`` is its context. ``texts`` lets prompts and answers into the spans.
    """

    def __init__(
        self, tracer: Tracer, run: Span, context: Context, started: e.RunStarted, *, texts: bool, most: int
    ) -> None:
        from opentelemetry import trace

        self._api: Any = trace
        self._tracer = tracer
        self._origin = time.time_ns() - int(started.at * 1e9)
        self._share = Share(most)
        self._share.expect("", 1, started.steps)
        self._run = run
        self._context = context
        self._steps: dict[str, OpenStep] = {}
        self._inside: dict[str, set[str]] = {}
        self.requests = RequestSpans(tracer, self._share, texts=texts)

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
            fail(span, error_type(event.error, "_OTHER"), event.reason)
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
        self._api.get_current_span(self.around(path)).add_event(name, attributes, self.at(event))

    def around(self, path: str) -> Context:
        """Return the context of the step at a path, or else of the nearest step around it."""
        step = self._steps.get(path)
        return step.context if step is not None and step.context is not None else self._around(path)

    # The run

    def finish(self, event: e.RunFinished) -> None:
        """End the run and all that is still open."""
        ended = self.at(event)
        self.requests.cancel_all(ended)
        self._end_inside("", ended)
        self._run.set_attribute(names.RUN_STATUS, event.status)
        if self._share.left_out:
            self._run.set_attribute(names.LEFT_OUT, self._share.left_out)
        if event.status not in GOOD:
            fail(self._run, event.status, "")
        self._run.end(ended)


GOOD = frozenset({"done", "partial"})
