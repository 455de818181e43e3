"""The CPU that the spans and metrics of a run take, with the writing of their OTLP messages but without sending them.

    python benchmarks/traces.py [--calls 3000] [--rounds 5] [--check]

Runs with and without traces take turns in one process, and the median of the pairs counts. The provider is a script, so
a call costs no network. ``--check`` fails above the bound for each call, or if a run of more than 10,000 spans takes
more for each call than a short one.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from flowrun.runtime import RunOptions, Telemetry, run_async
from flowrun.runtime.providers.scripted import ScriptedProvider

FLOW = """\
flow notes(rows: [text]) {
  found = map row in rows { ask "Sum up {{ row }}" } reduce collect
  return found
}
"""
MOST = 500.0
"""The most microseconds of CPU for each call with two spans."""


class Written(SpanExporter):
    """An exporter that writes the message of each batch and throws it away."""

    spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += len(spans)
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def seconds(path: Path, rows: list[str], *, traced: bool) -> tuple[float, int]:
    """Run the flow. Return its CPU in seconds, with all threads, and its number of spans."""
    written = Written()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(written, max_queue_size=32_768))
    listeners = [Telemetry(tracers, MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False))] if traced else []
    options = RunOptions(
        model="scripted:m",
        opener=lambda model, around: ScriptedProvider(lambda request, number: "an answer", model=model),
        on_event=listeners,
        learn=False,
    )
    began = time.process_time()
    result = asyncio.run(run_async(path, {"rows": rows}, options=options))
    tracers.shutdown()
    assert result.ok
    return time.process_time() - began, written.spans


def measure(path: Path, calls: int, rounds: int) -> tuple[float, float, int]:
    """Return the microseconds of CPU for a call without traces, those that traces add, and the number of spans."""
    rows, plain, added, spans = [f"row {number}" for number in range(calls)], [], [], 0
    seconds(path, rows[:200], traced=True)
    for number in range(rounds):
        # The pairs change their order, so that what one leaves behind favours neither.
        found = {traced: seconds(path, rows, traced=traced) for traced in (number % 2 == 0, number % 2 == 1)}
        plain.append(found[False][0])
        added.append(found[True][0] - found[False][0])
        spans = found[True][1]
    return 1e6 * statistics.median(plain) / calls, 1e6 * statistics.median(added) / calls, spans


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.flow"
        path.write_text(FLOW)
        for calls in (given.calls, 10 * given.calls):
            plain, added, spans = measure(path, calls, given.rounds)
            print(f"{calls:,} calls: {plain:.0f} µs a call without traces, {added:.0f} µs more with {spans:,} spans")
            found.append(added)
    return 1 if given.check and (found[0] > MOST or found[1] > found[0]) else 0


if __name__ == "__main__":
    sys.exit(main())
