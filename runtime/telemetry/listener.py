"""The listener that makes OpenTelemetry's spans and metrics from the events of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..costs.prices import Prices
from ..vocabulary import events as e
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import TracingListener
from ..vocabulary.usage import Price, Usage
from . import names
from .contexts import link, traceparent_of
from .facts import NO_PLACE, Attributes, error_type, of_model, of_place
from .measures import Measures
from .requests import REASON
from .share import MOST
from .spans import GOOD, RunSpans
from .texts import captures_texts

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider


class Telemetry(TracingListener):
    """A listener that makes spans of runs, their steps and their requests, and counts calls, tokens and dollars.

    Give it to a run as ``on_event``. Without providers it takes the global ones of OpenTelemetry. The span that is
    current where the run starts is the parent of the run's span. One object may listen to many runs, also at the same
    time. ``texts`` lets prompts and answers into the spans; None leaves that to the variable
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT. A run with more than ``most`` spans makes only a share of those
    of its elements.

    Raises: UsageError, if the package opentelemetry-api is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        texts: bool | None = None,
        most: int = MOST,
        parent: Context | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        try:
            from opentelemetry import context, metrics, trace
        except ImportError:
            raise UsageError("Telemetry needs OpenTelemetry: install flowrun-dsl[otel]") from None
        environ = os.environ if environ is None else environ
        self._environ = environ
        self._now: Callable[[], Context] = context.get_current if parent is None else lambda: parent
        self._tracer = trace.get_tracer(names.SCOPE, tracer_provider=tracer_provider)
        self._measures = Measures(metrics.get_meter(names.SCOPE, meter_provider=meter_provider))
        self._texts = captures_texts(environ) if texts is None else texts
        self._most = most
        # Each run has its own context, so its events find its spans, also beside other runs.
        self._run: ContextVar[_Run | None] = ContextVar("flowrun telemetry", default=None)
        self._coming: ContextVar[_Coming | None] = ContextVar("flowrun run to come", default=None)
        self._last: _Run | None = None
        self.made = 0
        """The spans that have been made, without those of runs that still go on."""
        self.left_out = 0
        """The spans that have been left out, without those of runs that still go on."""

    def hears(self, kind: type) -> bool:
        return kind in _HEARD

    def open_trace(self, flow: str) -> str:
        coming = self._begun(flow)
        self._coming.set(coming)
        return traceparent_of(coming.span)

    def name_trace(self, run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
        if (coming := self._coming.get()) is None:
            return
        coming.places = {model: of_place(url) for model, url in places.items()}
        if run:
            coming.span.set_attribute(names.RUN_ID, run)
        for trace in traces:
            link(coming.span, trace)

    def __call__(self, event: e.Event) -> None:
        if isinstance(event, e.RunStarted):
            self._start(event)
        elif isinstance(event, e.PricesDeclared):
            # It comes before the run starts.
            if (coming := self._coming.get()) is not None:
                coming.prices = event.prices
        elif (run := self._run.get() or self._last) is not None:
            run.hear(event)
            if isinstance(event, e.RunFinished):
                self.made += run.spans.made
                self.left_out += run.spans.left_out
                self._last = None if self._last is run else self._last

    def _begun(self, flow: str) -> _Coming:
        from opentelemetry import trace

        parent = self._now()
        attributes = {names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: flow}
        span = self._tracer.start_span(f"{names.INVOKE_WORKFLOW} {flow}", parent, attributes=attributes)
        return _Coming(span, trace.set_span_in_context(span, parent))

    def _start(self, event: e.RunStarted) -> None:
        coming = self._coming.get() or self._begun(event.flow)
        self._coming.set(None)
        spans = RunSpans(self._tracer, coming.span, coming.context, event, texts=self._texts, most=self._most)
        spans.requests.places = coming.places
        self._last = _Run(event.flow, spans, self._measures, Prices(self._environ, coming.prices), coming.places)
        self._run.set(self._last)


@dataclass(eq=False, slots=True)
class _Coming:
    """A run that is about to start: its span, and what is known of it so far."""

    span: Span
    context: Context
    places: dict[str, Attributes] = field(default_factory=dict)
    prices: Mapping[str, Price] | None = None


class _Run:
    """The spans of one run, and what its requests have told so far."""

    def __init__(
        self, flow: str, spans: RunSpans, measures: Measures, prices: Prices, places: Mapping[str, Attributes]
    ) -> None:
        self.spans = spans
        self._flow = flow
        self._measures = measures
        self._prices = prices
        self._places = places
        self._models: dict[int, str] = {}
        self._who: dict[str, Attributes] = {}

    def hear(self, event: e.Event) -> None:
        if isinstance(event, e.StepStarted):
            self.spans.begin_step(event)
        elif isinstance(event, e.StepFinished | e.StepFailed):
            self.spans.end_step(event)
        elif isinstance(event, e.BlockOpened | e.BlockGrew):
            self.spans.expect(event)
        elif isinstance(event, e.ElementFinished):
            self.spans.close(event.path, event)
        elif isinstance(event, e.RunFinished):
            self.spans.finish(event)
            self._measures.ended(event, self._flow, good=event.status in GOOD)
        elif isinstance(event, e.ElementLost | e.VoteCounted | e.AnswerRecalled | e.CallInDoubt):
            self._mark(event)
        else:
            self._request(event)

    def _mark(self, event: e.ElementLost | e.VoteCounted | e.AnswerRecalled | e.CallInDoubt) -> None:
        if isinstance(event, e.AnswerRecalled):
            self._measures.recalled(self._of(event.model))
            self.spans.mark(event.path, names.RECALLED_EVENT, {names.REQUEST_MODEL: event.model}, event)
        elif isinstance(event, e.CallInDoubt):
            self.spans.mark(event.path, names.DOUBT_EVENT, {names.REQUEST_MODEL: event.model}, event)
        elif isinstance(event, e.ElementLost):
            told: dict[str, Any] = {names.STEP_PATH: event.path, "flowrun.reason": event.reason[:REASON]}
            told[names.ERROR_TYPE] = error_type(event.error, "_OTHER")
            self.spans.mark(event.path, names.LOSS_EVENT, told, event)
            self.spans.close(event.element or event.path, event)
        else:
            self.spans.mark(event.path, names.VOTE_EVENT, _of_vote(event), event)

    def _request(self, event: e.Event) -> None:
        requests, at = self.spans.requests, self.spans.at(event)
        if isinstance(event, e.RequestStarted):
            self._models[event.number] = event.model
            requests.begin(event, self.spans.around(event.path), at)
        elif isinstance(event, e.AttemptFailed):
            model = self._models.get(event.number, "")
            cost = self._cost(model, event.usage)
            requests.attempt_failed(event, cost)
            self._measures.attempt_failed(event, self._of(model), cost)
        elif isinstance(event, e.RequestRetried):
            requests.retry(event, at)
        elif isinstance(event, e.RequestFinished):
            self._models.pop(event.number, None)
            cost = self._cost(event.model, event.usage)
            requests.finish(event, cost, at)
            self._measures.finished(event, self._of(event.model), cost)
        elif isinstance(event, e.RequestFailed):
            self._models.pop(event.number, None)
            requests.fail(event, at)
            self._measures.failed(event, self._of(event.model), error_type(event.error, "_OTHER"))
        elif isinstance(event, e.RequestCancelled):
            requests.cancel(event.number, at)
            self._measures.cancelled(event, self._of(self._models.pop(event.number, "")))

    def _of(self, model: str) -> Attributes:
        """Return the attributes of measures that tell a model."""
        found = self._who.get(model)
        if found is None:
            found = self._who[model] = of_model(model) | self._places.get(model, NO_PLACE)
        return found

    def _cost(self, model: str, usage: Usage) -> float | None:
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        return self._prices.cost_of(model, usage)


def _of_vote(event: e.VoteCounted) -> dict[str, Any]:
    """Return the figures of a vote. Its answers are texts of the model, so they are left out."""
    tally = event.tally
    return {
        names.STEP_PATH: event.path,
        "flowrun.vote.agreement": tally.agreement,
        "flowrun.vote.planned": tally.planned,
        "flowrun.vote.asked": tally.asked,
        "flowrun.vote.counted": tally.counted,
        "flowrun.vote.discarded": tally.discarded,
        "flowrun.vote.missing": tally.missing,
        "flowrun.vote.settled": tally.settled,
        **({} if tally.stands is None else {"flowrun.vote.stands": tally.stands}),
    }


_HEARD = frozenset(
    {
        *(e.RunStarted, e.PricesDeclared, e.StepStarted, e.StepFinished, e.StepFailed, e.ElementFinished),
        *(e.BlockOpened, e.BlockGrew, e.ElementLost, e.VoteCounted, e.AnswerRecalled, e.CallInDoubt),
        *(e.RequestStarted, e.AttemptFailed, e.RequestRetried, e.RequestFinished, e.RequestFailed),
        *(e.RequestCancelled, e.RunFinished),
    }
)
