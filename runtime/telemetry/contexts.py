"""Trace contexts as text, by W3C Trace Context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span


def context_of(environ: Mapping[str, str]) -> Context:
    """Return the context that the calling process gives in TRACEPARENT and TRACESTATE."""
    return _read({name: environ[name.upper()] for name in ("traceparent", "tracestate") if environ.get(name.upper())})


def traceparent_of(span: Span) -> str:
    """Return the trace context of a span; "" if it has none."""
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    written: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(written, set_span_in_context(span))
    return written.get("traceparent", "")


def link(span: Span, traceparent: str) -> None:
    """Link a span to another one. A text that is no trace context adds nothing."""
    from opentelemetry.trace import get_current_span

    other = get_current_span(_read({"traceparent": traceparent})).get_span_context()
    if other.is_valid:
        span.add_link(other)


def _read(carrier: dict[str, str]) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # An empty context: a span that is current here is not the one that the text names.
    return TraceContextTextMapPropagator().extract(carrier, Context())
