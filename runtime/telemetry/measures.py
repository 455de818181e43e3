"""The metrics of runs: calls, tokens, cost, durations and waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vocabulary import events as e
from ..vocabulary.usage import TokenDetail, Usage
from . import names
from .facts import Attributes, receipt_of, usage_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter


class Measures:
    """The instruments of a meter, and what each event adds to them. No attribute has a value for each run or call.

    ``who`` are the attributes of a model.
    """

    def __init__(self, meter: Meter) -> None:
        def counter(name: str, unit: str, what: str) -> Counter:
            return meter.create_counter(name, unit, what)

        def seconds(name: str, what: str) -> Histogram:
            return meter.create_histogram(name, "s", what, explicit_bucket_boundaries_advisory=names.SECONDS)

        self._inference = seconds(names.INFERENCE_DURATION, "The time from sending a request to its end.")
        self._workflow = seconds(names.WORKFLOW_DURATION, "The time of a run.")
        self._calls = counter(names.CALLS, "{call}", "The calls by how they ended.")
        self._cost = counter(names.COST, "{USD}", "The dollars of answers, as the run reckons them.")
        self._waited = counter(names.WAITED, "s", "The time in which calls were ready and could not be sent.")
        self._input = counter(names.INPUT_USAGE, "{token}", "The tokens of prompts, with those from the cache.")
        self._output = counter(names.OUTPUT_USAGE, "{token}", "The tokens of answers, with the reasoning.")
        self._cached = counter(names.CACHED_USAGE, "{token}", "The tokens of prompts from the provider's cache.")
        self._stored = counter(names.STORED_USAGE, "{token}", "The tokens of prompts written to the provider's cache.")
        self._reasoning = counter(names.REASONING_USAGE, "{token}", "The tokens of reasoning.")

    def finished(self, event: e.RequestFinished, who: Attributes, cost: float | None) -> None:
        answers = event.calls if event.answers is None else event.answers
        self._calls.add(answers, who | {names.CALL_STATE: "answered"})
        served = receipt_of(event).served or names.model_name(event.model)
        self._bill(usage_of(event), who | {names.RESPONSE_MODEL: served}, cost)
        self._inference.record(event.seconds, who | {names.RESPONSE_MODEL: served})

    def attempt_failed(self, event: e.AttemptFailed, who: Attributes, cost: float | None) -> None:
        self._calls.add(event.calls, who | {names.CALL_STATE: event.how})
        self._bill(event.usage, who, cost)

    def failed(self, event: e.RequestFailed, who: Attributes, kind: str) -> None:
        self._inference.record(event.seconds, who | {names.ERROR_TYPE: kind})

    def cancelled(self, event: e.RequestCancelled, who: Attributes) -> None:
        self._calls.add(event.calls, who | {names.CALL_STATE: "cancelled"})

    def recalled(self, who: Attributes) -> None:
        self._calls.add(1, who | {names.CALL_STATE: "recalled"})

    def ended(self, event: e.RunFinished, flow: str, *, good: bool) -> None:
        told: Attributes = {names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: flow}
        self._workflow.record(event.seconds, told if good else told | {names.ERROR_TYPE: event.status})
        for one in event.waits.endpoints:
            for cause, seconds in one.seconds.items():
                if seconds > 0:
                    self._waited.add(seconds, {names.WAIT_CAUSE: str(cause), names.ENDPOINT: one.endpoint})

    def _bill(self, usage: Usage, who: Attributes, cost: float | None) -> None:
        detail = usage.detail or TokenDetail()
        tokens = who | {names.MODALITY: "text"}
        for counter, count in (
            (self._input, usage.input_tokens),
            (self._output, usage.output_tokens),
            (self._cached, detail.cached),
            (self._stored, detail.stored),
            (self._reasoning, detail.reasoning),
        ):
            if count:
                counter.add(count, tokens)
        if cost:
            self._cost.add(cost, who)
