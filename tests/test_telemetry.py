"""The spans and metrics of runs, against the SDK's exporters in memory."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from flowrun.runtime import PermanentError, RetryPolicy, RunOptions, Stop, Telemetry, UsageError, run_async
from flowrun.runtime.telemetry import names
from flowrun.runtime.telemetry.share import Share, above, element_of
from support.harness import scripted
from support.told_replies import CHAT, KEY, environment
from support.traced import Traced, orphans

FLOW = """\
flow notes(rows: [text]) {
  drafts = map row in rows {
    draft = ask "Draft {{ row }}"
    vote = repeat 3 { ask "Good? {{ draft }}" -> YES | NO } reduce majority
    vote
  } reduce collect with errors: skip
  last = ask "Sum up {{ drafts }}"
  return last
}
"""
MODEL = "scripted:small"


def answer(request: Any, number: int) -> str:
    return "YES" if request.choices else "fine"


async def traced_run(path: Path, traced: Traced, script: Any = answer, rows: Any = ("a", "b"), **options: Any) -> Any:
    telemetry = traced.telemetry(**{name: options.pop(name) for name in ("texts", "most") if name in options})
    return await run_async(
        path,
        {"rows": list(rows)},
        options=RunOptions(model=MODEL, opener=scripted(script), on_event=telemetry, **options),
    )


async def test_a_run_has_spans_for_its_steps_and_requests(flow: Any) -> None:
    traced = Traced()
    result = await traced_run(flow(FLOW), traced)
    assert result.value == "fine"
    (run,) = traced.named("invoke_workflow")
    assert run.name == "invoke_workflow notes" and run.parent is None
    assert run.attributes is not None and run.attributes[names.WORKFLOW] == "notes"
    assert run.attributes[names.RUN_STATUS] == "done" and run.status.status_code is StatusCode.UNSET
    assert orphans(traced.spans) == []
    drafts = [one for one in traced.named("chat") if str((one.attributes or {})[names.STEP_PATH]).endswith("draft")]
    assert len(drafts) == 2
    assert traced.above(drafts[0]) == ["ask draft", "map drafts", "invoke_workflow notes"]
    for span in traced.spans:
        assert span.start_time is not None and span.end_time is not None and span.start_time <= span.end_time


async def test_a_request_has_the_names_of_the_conventions(faults: Any, flow: Any) -> None:
    faults.json(CHAT, x_request_id="req_9")
    traced = Traced()
    text = 'model m = "openai:m" with input_price: 2, output_price: 10, temperature: 0.5\n'
    text += 'flow one() { x = ask m "Say hi." with max_tokens: 99 return x }'
    options = RunOptions(environ=environment(faults.url, KEY), on_event=traced.telemetry())
    assert (await run_async(flow(text), options=options)).value == "hi"
    (request,) = traced.named("chat")
    assert request.name == "chat m" and request.kind is SpanKind.CLIENT
    attributes = dict(request.attributes or {})
    assert attributes.pop("server.port") == int(faults.url.rpartition(":")[2].partition("/")[0])
    assert attributes.pop(names.COST) == pytest.approx(0.00028)
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.output.type": "text",
        "gen_ai.response.model": "m-2026-03-17",
        "gen_ai.response.id": "req_9",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 32,
        "gen_ai.usage.reasoning.output_tokens": 12,
        "server.address": "127.0.0.1",
        "flowrun.step.path": "x",
        "flowrun.request.number": attributes["flowrun.request.number"],
    }


async def test_bodies_are_left_out_unless_asked_for(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, opened, by_variable = Traced(), Traced(), Traced()
    secret = "the secret word"
    await traced_run(flow(FLOW), closed, rows=[secret])
    assert secret not in str([(one.attributes, one.events) for one in closed.spans])
    await traced_run(flow(FLOW), opened, rows=[secret], texts=True)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    await traced_run(flow(FLOW), by_variable, rows=[secret])
    for traced in (opened, by_variable):
        (draft,) = [
            one for one in traced.named("chat") if str((one.attributes or {})[names.STEP_PATH]).endswith(".draft")
        ]
        told = draft.attributes or {}
        (message,) = json.loads(str(told["gen_ai.input.messages"]))
        assert message == {"role": "user", "parts": [{"type": "text", "content": f"Draft {secret}"}]}
        assert json.loads(str(told["gen_ai.output.messages"])) == [
            {"role": "assistant", "parts": [{"type": "text", "content": "fine"}], "finish_reason": "stop"}
        ]


async def test_a_vote_is_an_event_of_its_step(flow: Any) -> None:
    traced = Traced()
    await traced_run(flow(FLOW), traced, rows=["a"])
    votes = [(span.name, event) for span in traced.spans for event in span.events if event.name == "flowrun.vote"]
    ((name, event),) = votes
    assert name == "repeat vote" and event.attributes is not None
    assert event.attributes["flowrun.vote.agreement"] == 1.0
    assert event.attributes["flowrun.vote.planned"] == 3


async def test_failures_and_losses_have_an_error_type(flow: Any) -> None:
    def script(request: Any, number: int) -> Any:
        text = request.messages[-1].text
        if "bad" in text:
            raise PermanentError("no such thing", status=400)
        return answer(request, number)

    traced = Traced()
    result = await traced_run(flow(FLOW), traced, script, rows=["good", "bad"])
    assert result.value == "fine"
    failed = [span for span in traced.named("chat") if span.status.status_code is StatusCode.ERROR]
    (request,) = failed
    told = request.attributes or {}
    assert told[names.ERROR_TYPE] == "400"
    losses = [event for span in traced.spans for event in span.events if event.name == "flowrun.loss"]
    assert len(losses) == 1
    assert orphans(traced.spans) == []


async def test_a_run_that_fails_ends_all_its_spans(flow: Any) -> None:
    def script(request: Any, number: int) -> Any:
        raise PermanentError("no such thing", status=400)

    traced = Traced()
    result = await traced_run(
        flow(FLOW.replace(" with errors: skip", "")), traced, script, policy=RetryPolicy(attempts=1)
    )
    assert result.value is None
    (run,) = traced.named("invoke_workflow")
    assert run.status.status_code is StatusCode.ERROR
    assert (run.attributes or {})[names.ERROR_TYPE] == "failed"
    assert orphans(traced.spans) == []
    assert {"ask draft", "map drafts", "chat small"} <= {span.name for span in traced.spans}


async def test_a_run_that_is_stopped_ends_all_its_spans(flow: Any) -> None:
    stop = Stop()

    def script(request: Any, number: int) -> Any:
        stop()
        return answer(request, number)

    traced = Traced()
    result = await traced_run(flow(FLOW), traced, script, rows=[str(n) for n in range(50)], stop=stop)
    assert result.status == "stopped"
    (run,) = traced.named("invoke_workflow")
    assert (run.attributes or {})[names.ERROR_TYPE] == "stopped"
    assert orphans(traced.spans) == []
    assert traced.named("map drafts")


async def test_the_callers_span_is_the_parent(flow: Any) -> None:
    traced = Traced()
    tracer = traced.tracers.get_tracer("host")
    with tracer.start_as_current_span("request of the host"):
        await traced_run(flow(FLOW), traced)
    (run,) = traced.named("invoke_workflow")
    assert traced.above(run) == ["request of the host"]
    assert not trace.get_current_span().get_span_context().is_valid


async def test_runs_side_by_side_keep_their_spans_apart(flow: Any) -> None:
    traced = Traced()
    telemetry = traced.telemetry()
    path = flow(FLOW)
    options = RunOptions(model=MODEL, opener=scripted(answer), on_event=telemetry)
    await asyncio.gather(*(run_async(path, {"rows": ["a", "b"]}, options=options) for _ in range(3)))
    runs = traced.named("invoke_workflow")
    assert len(runs) == 3
    counts = [sum(one.context.trace_id == run.context.trace_id for one in traced.spans) for run in runs]
    assert len(set(counts)) == 1 and orphans(traced.spans) == []


async def test_a_large_run_makes_a_fair_share_of_its_spans(flow: Any) -> None:
    def script(request: Any, number: int) -> Any:
        if request.messages[-1].text == "Draft 7":
            raise PermanentError("no such thing", status=400)
        return answer(request, number)

    traced = Traced()
    rows = [str(number) for number in range(400)]
    await traced_run(flow(FLOW), traced, script, rows, most=300, policy=RetryPolicy(attempts=1))
    spans = traced.spans
    assert 100 < len(spans) < 400
    assert orphans(spans) == []
    names_of = {span.name for span in spans}
    assert {"invoke_workflow notes", "map drafts", "ask last"} <= names_of
    assert [span for span in traced.named("chat") if span.status.status_code is StatusCode.ERROR]
    (run,) = traced.named("invoke_workflow")
    # A step and a request for each draft, and for the samples of its vote at least as many.
    left_out = (run.attributes or {})[names.LEFT_OUT]
    assert isinstance(left_out, int) and left_out + len(spans) >= 400 * 4
    elements = sorted(
        {int(str((one.attributes or {})[names.STEP_PATH])[7:].partition("]")[0]) for one in traced.named("ask draft")}
    )
    assert elements[0] < 100 and elements[-1] > 300, (elements, len(spans), left_out)


async def test_a_run_below_the_limit_leaves_nothing_out(flow: Any) -> None:
    traced = Traced()
    await traced_run(flow(FLOW), traced)
    (run,) = traced.named("invoke_workflow")
    assert names.LEFT_OUT not in (run.attributes or {})


async def test_the_metrics_of_a_run(faults: Any, flow: Any) -> None:
    faults.json({"error": {"message": "slower"}}, 409)
    faults.json(CHAT)
    traced = Traced()
    text = 'model m = "openai:m" with input_price: 2, output_price: 10\nflow one() { x = ask m "Say hi." return x }'
    quick = RetryPolicy(wait_initial=0.001, wait_max=0.001)
    options = RunOptions(environ=environment(faults.url, KEY), on_event=traced.telemetry(), policy=quick)
    assert (await run_async(flow(text), options=options)).value == "hi"
    (request,) = traced.named("chat")
    assert request.status.status_code is StatusCode.UNSET
    assert (request.attributes or {})[names.REQUEST_ATTEMPTS] == 2
    (retry,) = request.events
    assert retry.name == "flowrun.retry" and (retry.attributes or {})[names.ERROR_TYPE] == "409"
    expected = {
        names.INPUT_USAGE: 40,
        names.OUTPUT_USAGE: 20,
        names.CACHED_USAGE: 32,
        names.REASONING_USAGE: 12,
        names.COST: 0.00028,
        names.INFERENCE_DURATION: 1,
        names.WORKFLOW_DURATION: 1,
    }
    for name, value in expected.items():
        ((labels, found),) = traced.figures(name).items()
        assert found == pytest.approx(value), name
        assert ("gen_ai.operation.name", "invoke_workflow" if name == names.WORKFLOW_DURATION else "chat") in labels
    states = {dict(labels)[names.CALL_STATE]: count for labels, count in traced.figures(names.CALLS).items()}
    assert states == {"refused": 1, "answered": 1}
    waited = {dict(labels)[names.WAIT_CAUSE] for labels in traced.figures(names.WAITED)}
    assert "backoff" in waited


@pytest.mark.parametrize(
    ("path", "element", "around"),
    [
        ("draft", "", ""),
        ("notes[3]", "notes[3]", "notes"),
        ("notes[3].draft", "notes[3]", "notes[3]"),
        ("notes[3].vote[1]", "notes[3]", "notes[3].vote"),
        ("a.b", "", "a"),
    ],
)
def test_paths(path: str, element: str, around: str) -> None:
    assert (element_of(path), above(path)) == (element, around)


def test_a_share_is_bounded_even_if_the_run_expected_fewer() -> None:
    share = Share(100)
    share.expect("notes", 10, 1)
    taken = sum(share.takes(f"notes[{number}].draft") for number in range(10_000))
    assert taken == 100 and share.left_out == 9_900
    assert share.takes("last")


def test_without_the_package_a_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match=r"flowrun-dsl\[otel\]"):
        Telemetry()
