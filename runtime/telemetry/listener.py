"""The listener that makes OpenTelemetry's spans and metrics from the events of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..costs.prices import Prices
from ..vocabulary import events as e
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.usage import Price, Usage
from . import names
from .facts import error_type
from .measures import Measures
from .share import MOST
from .spans import GOOD, RunSpans
from .texts import captures_texts

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


class Telemetry(PartialListener):
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
        self._declared: ContextVar[Mapping[str, Price] | None] = ContextVar("flowrun prices", default=None)
        self._last: _Run | None = None
        self.made = 0
        """The spans that have been made, without those of runs that still go on."""
        self.left_out = 0
        """The spans that have been left out, without those of runs that still go on."""

    def hears(self, kind: type) -> bool:
        return kind in _HEARD

    def __call__(self, event: e.Event) -> None:
        if isinstance(event, e.RunStarted):
            spans = RunSpans(self._tracer, event, self._now(), texts=self._texts, most=self._most)
            prices = Prices(self._environ, self._declared.get())
            self._declared.set(None)
            self._last = _Run(event.flow, spans, self._measures, prices)
            self._run.set(self._last)
        elif isinstance(event, e.PricesDeclared):
            # It comes before the run starts.
            self._declared.set(event.prices)
        elif (run := self._run.get() or self._last) is not None:
            run.hear(event)
            if isinstance(event, e.RunFinished):
                self.made += run.spans.made
                self.left_out += run.spans.left_out
                self._last = None if self._last is run else self._last


class _Run:
    """The spans of one run, and what its requests have told so far."""

    def __init__(self, flow: str, spans: RunSpans, measures: Measures, prices: Prices) -> None:
        self._flow = flow
        self.spans = spans
        self._measures = measures
        self._prices = prices
        self._models: dict[int, str] = {}

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
        elif isinstance(event, e.ElementLost | e.VoteCounted | e.AnswerRecalled):
            self._mark(event)
        else:
            self._request(event)

    def _mark(self, event: e.ElementLost | e.VoteCounted | e.AnswerRecalled) -> None:
        if isinstance(event, e.AnswerRecalled):
            self._measures.recalled(event)
            self.spans.mark(event.path, names.RECALLED_EVENT, {names.REQUEST_MODEL: event.model}, event)
        elif isinstance(event, e.ElementLost):
            told: dict[str, Any] = {names.STEP_PATH: event.path, "flowrun.reason": event.reason[:500]}
            told[names.ERROR_TYPE] = error_type(event.error, "_OTHER")
            self.spans.mark(event.path, names.LOSS_EVENT, told, event)
            self.spans.close(event.element or event.path, event)
        else:
            self.spans.mark(event.path, names.VOTE_EVENT, _of_vote(event), event)

    def _request(self, event: e.Event) -> None:
        if isinstance(event, e.RequestStarted):
            self._models[event.number] = event.model
            self.spans.begin_request(event)
        elif isinstance(event, e.AttemptFailed):
            model = self._models.get(event.number, "")
            self.spans.attempt_failed(event)
            self._measures.attempt_failed(event, model, self._cost(model, event.usage))
        elif isinstance(event, e.RequestRetried):
            self.spans.retry(event)
        elif isinstance(event, e.RequestFinished):
            self._models.pop(event.number, None)
            cost = self._cost(event.model, Usage(event.input_tokens, event.output_tokens))
            self.spans.finish_request(event, cost)
            self._measures.finished(event, cost)
        elif isinstance(event, e.RequestFailed):
            self._models.pop(event.number, None)
            self.spans.fail_request(event)
            self._measures.failed(event, error_type(event.error, "_OTHER"))
        elif isinstance(event, e.RequestCancelled):
            self.spans.cancel_request(event)
            self._measures.cancelled(event, self._models.pop(event.number, ""))

    def _cost(self, model: str, usage: Usage) -> float | None:
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        return self._prices.cost(model, usage.input_tokens, usage.output_tokens)


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
    }


_HEARD = frozenset(
    {
        *(e.RunStarted, e.PricesDeclared, e.StepStarted, e.StepFinished, e.StepFailed, e.ElementFinished),
        *(e.BlockOpened, e.BlockGrew, e.ElementLost, e.VoteCounted, e.AnswerRecalled),
        *(e.RequestStarted, e.AttemptFailed, e.RequestRetried, e.RequestFinished, e.RequestFailed),
        *(e.RequestCancelled, e.RunFinished),
    }
)
