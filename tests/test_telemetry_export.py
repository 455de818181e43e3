"""The sending of traces and metrics from the command, to a receiver of OTLP over HTTP that the test starts."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from flowrun.runtime.telemetry.environment import exporters_of, is_wanted
from support import forked
from support.patience import PATIENCE
from support.told_replies import CHAT

FLOW = 'flow one() { x = ask "Say hi." return x }'
COMMAND = (sys.executable, "-c", "from flowrun.runtime.cli import main; main()")


@dataclass
class Receiver:
    """A receiver of OTLP. ``stalls`` lets it never answer."""

    url: str = ""
    stalls: bool = False
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.stalls:
            await asyncio.sleep(600)
        kind = request.path.rpartition("/")[2]
        self.keys.add(request.headers.get("x-key"))
        if request.headers.get("Content-Encoding") == "gzip":
            raise AssertionError("the test reads plain bodies")
        if kind == "traces":
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        else:
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        return web.Response(body=b"", content_type="application/x-protobuf")

    @property
    def spans(self) -> list[Any]:
        return [
            span for one in self.traces for resource in one.resource_spans for scope in resource.scope_spans
            for span in scope.spans
        ]  # fmt: skip


@asynccontextmanager
async def receiver(*, stalls: bool = False) -> AsyncIterator[Receiver]:
    found = Receiver(stalls=stalls)
    app = web.Application()
    app.router.add_post("/v1/{kind}", found.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


async def command(path: Path, faults: Any, *arguments: str, **variables: str) -> tuple[int, str, str, float]:
    """Run a flow without a journal. Return the exit code, both outputs and the seconds."""
    return await ran(faults, str(path), "--model", "openai:m", "--no-journal", *arguments, **variables)


async def ran(faults: Any, *arguments: str, **variables: str) -> tuple[int, str, str, float]:
    faults.json(CHAT)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", *forked.AT_START))}
    environ |= {"OPENAI_BASE_URL": faults.url, "FLOWRUN_LEARN": "0", **variables}
    began = monotonic()
    if forked.fits(variables):
        running = forked.run((sys.executable,), arguments, Path.cwd(), environ, b"")
        code, out, err = await asyncio.wait_for(running, PATIENCE)
        return code, out.decode(), err.decode(), monotonic() - began
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode(), monotonic() - began


async def test_the_command_sends_its_spans_and_metrics(faults: Any, flow: Any) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with receiver() as found:
        code, out, err, _ = await command(
            flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=found.url, TRACEPARENT=parent, OTEL_SERVICE_NAME="notes"
        )
    assert (code, out) == (0, "hi\n"), err
    assert sorted(span.name for span in found.spans) == ["ask x", "chat m", "invoke_workflow one"]
    (run,) = [span for span in found.spans if span.name == "invoke_workflow one"]
    assert run.trace_id.hex() == parent[3:35] and run.parent_span_id.hex() == parent[36:52]
    resource = found.traces[0].resource_spans[0].resource
    assert {one.key: one.value.string_value for one in resource.attributes}["service.name"] == "notes"
    sent = {
        metric.name
        for one in found.metrics
        for resource_metrics in one.resource_metrics
        for scope in resource_metrics.scope_metrics
        for metric in scope.metrics
    }
    assert {"gen_ai.client.inference.duration", "gen_ai.client.inference.usage.input_tokens", "flowrun.calls"} <= sent
    assert "not all traces" not in err


async def test_the_command_resume_sends_a_linked_trace(faults: Any, flow: Any, tmp_path: Path) -> None:
    journal, path = ("--journal", str(tmp_path / "j.db")), flow(FLOW)
    sent = []
    for arguments in ((str(path), "--model", "openai:m", *journal), ("resume", "last", *journal)):
        async with receiver() as found:
            code, out, err, _ = await ran(faults, *arguments, OTEL_EXPORTER_OTLP_ENDPOINT=found.url)
        assert (code, out) == (0, "hi\n"), err
        sent.append(next(span for span in found.spans if span.name == "invoke_workflow one"))
    first, second = sent
    assert [(one.trace_id, one.span_id) for one in second.links] == [(first.trace_id, first.span_id)]
    assert second.trace_id != first.trace_id


async def test_a_dead_receiver_costs_the_command_a_second(faults: Any, flow: Any) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        at = f"http://127.0.0.1:{closed.getsockname()[1]}"
        code, out, err, seconds = await command(flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=at)
    assert (code, out) == (0, "hi\n")
    assert "not all traces and metrics of this run reached their receiver" in err
    assert "Traceback" not in err
    assert seconds < 60


@pytest.mark.slow
async def test_a_receiver_that_stalls_does_not_hold_the_command(faults: Any, flow: Any) -> None:
    async with receiver(stalls=True) as found:
        code, out, err, seconds = await command(flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=found.url)
    assert (code, out) == (0, "hi\n")
    assert "not all traces and metrics" in err
    assert seconds < 60


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n"
HOSTILE = {
    "floods": (HEAD, b"x" * 65_536, ""),
    "redirects": (b"HTTP/1.1 307 No\r\nLocation: /v1/\x1b[2J\r\nContent-Length: 0\r\n\r\n", b"", "answered 307"),
    "speaks no HTTP": (b"\x1b[2J\xff\x00<script>\r\n\r\n", b"", "Connection aborted"),
    "asks for an hour": (b"HTTP/1.1 503 \x1b[2J\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", b"", "Failed to"),
    "refuses": (b"HTTP/1.1 400 \x1b[2Jno\r\nContent-Length: 4\r\n\r\n\x1b[2J", b"", "code: 400"),
    "closes": (b"", b"", "Connection aborted"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_receiver_costs_little_and_is_told_in_one_line(faults: Any, flow: Any, kind: str) -> None:
    head, rest, told = HOSTILE[kind]
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(OSError):
            await reader.read(100)
            writer.write(head)
            while rest:
                writer.write(rest)
                await writer.drain()
                sent += len(rest)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        code, out, err, seconds = await command(
            flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"
        )
    finally:
        server.close()
    assert (code, out) == (0, "hi\n")
    assert seconds < 60
    assert "\x1b" not in err and "Traceback" not in err
    lines = err.splitlines()
    assert lines[-1].startswith("1 call ")
    if told:
        assert len(lines) == 2 and lines[0].startswith("not all traces and metrics") and told in lines[0]
    # The buffer of the socket comes on top of what the exporter reads.
    assert sent < 32 * 2**20


async def test_the_console_gets_spans_beside_the_answer(faults: Any, flow: Any) -> None:
    code, out, err, _ = await command(flow(FLOW), faults, OTEL_TRACES_EXPORTER="console")
    assert (code, out) == (0, "hi\n")
    assert '"name": "chat m"' in err


async def test_without_the_sdk_a_sentence_names_the_extra(faults: Any, flow: Any, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('hidden')")
    code, out, err, _ = await command(
        flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", PYTHONPATH=str(hidden.parent)
    )
    assert (code, out) == (0, "hi\n"), err
    told = "no traces and no metrics are sent: OpenTelemetry's SDK is not installed; install flowrun-dsl[otel]\n"
    assert err.count("OpenTelemetry") == 1 and told in err and "Traceback" not in err


async def test_an_exporter_that_is_not_there(faults: Any, flow: Any) -> None:
    code, out, err, _ = await command(flow(FLOW), faults, OTEL_TRACES_EXPORTER="carrier_pigeon")
    assert (code, out) == (0, "hi\n")
    assert "no traces are sent: no installed package has the exporter carrier_pigeon" in err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTEL_TRACES_SAMPLER", "nonsense", "does not take one of the variables: Couldn't recognize sampler nonsense"),
        ("OTEL_TRACES_SAMPLER_ARG", "abc", ""),
        ("OTEL_BSP_SCHEDULE_DELAY", "abc", "does not take one of the variables: Unable to parse value"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10", ""),
        ("OTEL_RESOURCE_ATTRIBUTES", "a,service.namespace=b", "does not take one of the variables: Invalid key value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "garbage;;", "does not take one of the variables: Header format invalid"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "abc", "does not take one of the variables: Invalid timeout"),
        ("OTEL_TRACES_EXPORTER", "console,otlp", '"name": "chat m"'),
    ],
)
async def test_odd_values_of_variables_are_told_and_all_is_sent(
    faults: Any, flow: Any, name: str, value: str, told: str
) -> None:
    async with receiver() as found:
        code, out, err, _ = await command(flow(FLOW), faults, **{"OTEL_EXPORTER_OTLP_ENDPOINT": found.url, name: value})
    assert (code, out) == (0, "hi\n")
    assert told in err and "not all traces" not in err and "Traceback" not in err
    assert len(found.spans) == 3 and found.metrics


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        ("grpc", "has the exporter otlp_proto_grpc; install opentelemetry-exporter-otlp-proto-grpc"),
        ("http/json", "the protocol http/json is not known: OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf or grpc"),
    ],
)
async def test_a_protocol_that_cannot_be_spoken(faults: Any, flow: Any, protocol: str, told: str) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    code, out, err, _ = await command(flow(FLOW), faults, **variables)
    assert (code, out) == (0, "hi\n")
    assert "no traces and no metrics are sent: " in err and told in err and "Error:" not in err


async def test_the_headers_and_the_sampler_of_the_variables_hold(faults: Any, flow: Any) -> None:
    variables = {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b", "OTEL_TRACES_SAMPLER": "always_off"}
    async with receiver() as found:
        code, out, err, _ = await command(flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=found.url, **variables)
    assert (code, out, found.traces) == (0, "hi\n", [])
    assert found.metrics and found.keys == {"a b"} and err.startswith("1 call")
    async with receiver() as found:
        code, out, _, _ = await command(
            flow(FLOW), faults, OTEL_EXPORTER_OTLP_ENDPOINT=found.url, OTEL_SDK_DISABLED="true"
        )
    assert (code, out, found.traces, found.metrics) == (0, "hi\n", [], [])


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
    ],
)
def test_the_variables_decide(variables: dict[str, str], wanted: bool) -> None:
    assert is_wanted(variables) is wanted


def test_each_signal_has_its_own_exporter() -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_METRICS_EXPORTER": "none"}
    assert (exporters_of(variables, "traces"), exporters_of(variables, "metrics")) == (("otlp",), ())
    assert exporters_of({"OTEL_TRACES_EXPORTER": "console, otlp,,none"}, "traces") == ("console", "otlp")
