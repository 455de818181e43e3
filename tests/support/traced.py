"""Runs whose spans and metrics stay in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flowrun.runtime import Telemetry


@dataclass
class Traced:
    """A Telemetry, and what it has made."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    tracers: TracerProvider = field(default_factory=lambda: TracerProvider(shutdown_on_exit=False))

    def __post_init__(self) -> None:
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def telemetry(self, **options: Any) -> Telemetry:
        return Telemetry(self.tracers, self.meters, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, start: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name.startswith(start)]

    def above(self, span: ReadableSpan) -> list[str]:
        """The names of the spans around a span, from the inside outwards."""
        spans = {one.context.span_id: one for one in self.spans if one.context}
        found = []
        while span.parent is not None and span.parent.span_id in spans:
            span = spans[span.parent.span_id]
            found.append(span.name)
        return found

    def figures(self, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
        """The sums of a metric by its attributes. A histogram gives the number of its records."""
        data = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return {
            tuple(sorted((point.attributes or {}).items())): _figure(point)
            for metric in metrics
            for point in metric.data.data_points
        }


def _figure(point: Any) -> float:
    found: Any = getattr(point, "value", None) or getattr(point, "count", 0)
    return float(found)


def orphans(spans: Iterable[ReadableSpan]) -> list[str]:
    """The names of spans whose parent is not among them."""
    told = list(spans)
    known = {span.context.span_id for span in told if span.context}
    return [span.name for span in told if span.parent is not None and span.parent.span_id not in known]
