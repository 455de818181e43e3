"""The sending of traces and metrics from a command, as the standard ``OTEL_*`` variables ask for it.

A receiver that is slow or dead never stops the run: the SDK sends in threads of its own, and the command waits only a
bounded time for the rest. The variables are those of the specification ("Environment Variable Specification").
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from ..vocabulary.errors import told
from ..vocabulary.quoting import sentence
from .listener import Telemetry
from .wanted import exporter_of

Tell = Callable[[str], None]
_LONGEST = 5.0
"""The seconds that a command waits at its end for the receiver."""
_AFTER_FAILURE = 1.0
"""The seconds that it waits for a receiver that did not take what was sent before."""
_QUEUE = 32_768
"""The spans that wait to be sent at most. The SDK's own 2,048 are fewer than a quick run makes in a second."""
_NEEDED = "install flowrun-dsl[otel] with opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"


class _Complaints(logging.Handler):
    """The first complaint of the SDK. Its complaints would mix with the output of the command."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage()


@contextmanager
def exported(environ: Mapping[str, str], tell: Tell) -> Iterator[tuple[Telemetry, ...]]:
    """Give a listener that sends traces and metrics, and send the rest at the end. It is none if they cannot be sent.

    ``tell`` gets a sentence about what could not be sent.
    """
    complaints, logger = _Complaints(), logging.getLogger("opentelemetry")
    logger.addHandler(complaints)
    propagate, logger.propagate = logger.propagate, False
    try:
        providers = _providers(environ, tell)
        if not any(providers):
            yield ()
            return
        try:
            yield (Telemetry(*providers, parent=_parent(environ), environ=environ),)
        finally:
            done = _shut([one for one in providers if one is not None], complaints)
            if complaints.first or not done:
                why = sentence(complaints.first, 200) or f"the receiver took longer than {_LONGEST:g} s"
                tell(f"not all traces and metrics of this run reached their receiver: {why}")
    finally:
        logger.propagate = propagate
        logger.removeHandler(complaints)


def _providers(environ: Mapping[str, str], tell: Tell) -> tuple[Any, Any]:
    """Make the providers of tracers and meters. Each is None if it is not wanted or cannot be made."""
    found: list[Any] = []
    for signal, make in (("traces", _tracers), ("metrics", _meters)):
        name, provider = exporter_of(environ, signal), None
        if name:
            try:
                provider = make(environ, name)
            except ImportError:
                tell(f"no {signal} are sent: OpenTelemetry's SDK is not installed; {_NEEDED}")
            except Exception as mistake:  # noqa: BLE001 (the SDK reads variables of its own; the run needs no traces)
                tell(f"no {signal} are sent: {told(mistake)}")
        found.append(provider)
    return found[0], found[1]


def _tracers(environ: Mapping[str, str], name: str) -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    exporter = ConsoleSpanExporter(out=sys.stderr) if name == "console" else _exporter(environ, name, "traces")()
    # The SDK's own hook at the end of the process would wait for a dead receiver.
    provider = TracerProvider(resource=_resource(environ), shutdown_on_exit=False)
    queue = None if environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "").strip() else _QUEUE
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=queue))
    return provider


def _meters(environ: Mapping[str, str], name: str) -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    exporter = ConsoleMetricExporter(out=sys.stderr) if name == "console" else _exporter(environ, name, "metrics")()
    reader = PeriodicExportingMetricReader(exporter)
    return MeterProvider([reader], resource=_resource(environ), shutdown_on_exit=False)


def _exporter(environ: Mapping[str, str], name: str, signal: str) -> Any:
    """Return the class of an exporter, by the entry points of the installed packages. Raises LookupError."""
    if name == "otlp":
        upper = signal.upper()
        protocol = environ.get(f"OTEL_EXPORTER_OTLP_{upper}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        name = f"otlp_proto_{(protocol or 'http/protobuf').strip().partition('/')[0]}"
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        return found.load()
    needed = f"; {_NEEDED}" if name.startswith("otlp") else ""
    raise LookupError(f"no installed package has the exporter {sentence(name, 60)}{needed}")


def _resource(environ: Mapping[str, str]) -> Any:
    from opentelemetry.sdk.resources import Resource

    own = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if own else {"service.name": "flowrun"})


def _parent(environ: Mapping[str, str]) -> Any:
    """Return the context that the calling process gives (W3C Trace Context, in TRACEPARENT and TRACESTATE)."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {name: environ[name.upper()] for name in ("traceparent", "tracestate") if environ.get(name.upper())}
    return TraceContextTextMapPropagator().extract(carrier)


def _shut(providers: list[Any], complaints: _Complaints) -> bool:
    """Send what is left, within a bounded time. Return True if all of it was sent or refused in that time."""
    threads = [threading.Thread(target=one.shutdown, daemon=True, name="flowrun-telemetry") for one in providers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and time.monotonic() - began < (_AFTER_FAILURE if complaints.first else _LONGEST):
            thread.join(0.02)
    return not any(thread.is_alive() for thread in threads)
