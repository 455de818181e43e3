"""The providers of tracers and meters that the standard ``OTEL_*`` variables ask a command for.

The variables are those of the specification ("Environment Variable Specification"). The SDK reads most of them itself.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import sentence
from .environment import exporters_of

NEEDED = "install flowrun-dsl[otel]"
QUEUE = 32_768
"""The spans that wait to be sent at most. The SDK's own 2,048 are fewer than a quick run makes in a second."""
_BATCH = 512
_PACKAGES = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
"""The exporters of OTLP by the protocol that a variable names."""


def tracers(environ: Mapping[str, str]) -> Any:
    """Make a provider that sends spans to all exporters that are asked for. Raises UsageError, ImportError."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    exporters = [
        ConsoleSpanExporter(out=sys.stderr) if name == "console" else _exporter(environ, name, "traces")
        for name in exporters_of(environ, "traces")
    ]
    # The SDK's own hook at the end of the process would wait for a dead receiver.
    provider = TracerProvider(resource=_resource(environ), shutdown_on_exit=False)
    queue, batch = _queue(environ)
    for exporter in exporters:
        processor = BatchSpanProcessor(exporter, max_queue_size=queue, max_export_batch_size=batch)
        provider.add_span_processor(processor)
    return provider


def meters(environ: Mapping[str, str]) -> Any:
    """Make a provider that sends metrics to all exporters that are asked for. Raises UsageError, ImportError."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    readers = [
        PeriodicExportingMetricReader(
            ConsoleMetricExporter(out=sys.stderr) if name == "console" else _exporter(environ, name, "metrics")
        )
        for name in exporters_of(environ, "metrics")
    ]
    return MeterProvider(readers, resource=_resource(environ), shutdown_on_exit=False)


def _queue(environ: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the length of the queue and of a batch, None for the SDK's own. A batch must fit into the queue."""
    own = environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "").strip()
    if not own:
        return QUEUE, None
    whole = own.isascii() and own.isdigit() and 0 < int(own) < _BATCH
    batched = environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "").strip()
    return None, int(own) if whole and not batched else None


def _exporter(environ: Mapping[str, str], name: str, signal: str) -> Any:
    """Make an exporter, by the entry points of the installed packages. Raises UsageError."""
    needed = ""
    if name == "otlp":
        upper = signal.upper()
        own = environ.get(f"OTEL_EXPORTER_OTLP_{upper}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        protocol = (own or "").strip() or "http/protobuf"
        if protocol not in _PACKAGES:
            raise UsageError(
                f"the protocol {sentence(protocol, 60)} is not known: "
                "OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf or grpc"
            )
        name = _PACKAGES[protocol]
        needed = f"; {NEEDED}" if protocol == "http/protobuf" else "; install opentelemetry-exporter-otlp-proto-grpc"
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        return found.load()(**_session(environ, name))
    raise UsageError(f"no installed package has the exporter {sentence(name, 60)}{needed}")


def _session(environ: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return the session for an exporter over HTTP. A session that the user has set up in a variable stays."""
    own = any(one.startswith("OTEL_PYTHON_EXPORTER_OTLP") and environ[one] for one in environ)
    if name != _PACKAGES["http/protobuf"] or own:
        return {}
    from .bounded_http import BoundedSession

    return {"session": BoundedSession()}


def _resource(environ: Mapping[str, str]) -> Any:
    from opentelemetry.sdk.resources import Resource

    pairs = environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    named = any(one.partition("=")[0].strip() == "service.name" for one in pairs)
    own = named or environ.get("OTEL_SERVICE_NAME", "").strip()
    return Resource.create({} if own else {"service.name": "flowrun"})
