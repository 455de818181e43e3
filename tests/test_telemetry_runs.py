"""The traces of whole runs: resumed runs, what they paid, what they waited for, and spans that were left out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from flowrun.runtime import (
    AnswerError,
    RetryPolicy,
    RunOptions,
    Stop,
    Telemetry,
    resume_async,
    run,
    run_async,
)
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.telemetry import names
from flowrun.runtime.telemetry.facts import of_place
from flowrun.runtime.vocabulary.errors import RefusedError
from flowrun.runtime.vocabulary.usage import Usage
from flowrun.runtime.vocabulary.waits import Cause
from flowrun.testing import VirtualLoop
from support.harness import scripted
from support.traced import Traced, orphans

FLOW = """\
model m = "scripted:m" with input_price: 2, output_price: 10
flow f(xs: [text]) {
  out = map x in xs { a = ask m "Say {{ x }}" -> ONE | TWO a } reduce collect with errors: skip
  return out
}
"""
Write = Callable[[str], Path]


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_resumed_run_is_linked_to_the_parts_before_it(flow: Write, tmp_path: Path) -> None:
    path, journal = flow(FLOW), tmp_path / "j.db"
    stop, parts = Stop(), [Traced(), Traced(), Traced(), Traced()]

    def script(request: Any, number: int) -> Scripted:
        stop()
        return Scripted("one")

    found = await run_async(
        path,
        {"xs": [str(number) for number in range(40)]},
        options=RunOptions(opener=scripted(script), stop=stop, journal=journal, on_event=parts[0].telemetry()),
    )
    assert found.status == "stopped"
    stop = Stop()
    options = RunOptions(opener=scripted(script), stop=stop, journal=journal, on_event=parts[1].telemetry())
    assert (await resume_async("last", options=options)).status == "stopped"
    # A part without a trace does not break the chain.
    stop = Stop()
    assert (await resume_async("last", options=RunOptions(opener=scripted(script), stop=stop, journal=journal))).run
    stop = Stop()
    last = RunOptions(opener=scripted(lambda request, number: "one"), journal=journal, on_event=parts[2].telemetry())
    assert (await resume_async("last", options=last)).value == ["ONE"] * 40
    again = RunOptions(opener=last.opener, journal=journal, on_event=parts[3].telemetry())
    assert (await resume_async("last", options=again)).value == ["ONE"] * 40
    (first,), (second,), (third,), (fourth,) = (one.named("invoke_workflow") for one in parts)
    assert list(first.links) == []
    assert [one.context.span_id for one in second.links] == [first.context and first.context.span_id]
    assert [one.context.span_id for one in third.links] == [first.context and first.context.span_id]
    earlier = [one.context and one.context.span_id for one in (first, third)]
    assert [one.context.span_id for one in fourth.links] == earlier
    assert {facts(one)[names.RUN_ID] for one in (first, second, third)} == {found.run}
    with JournalReader(journal) as reader:
        (kept,) = reader.index.runs.values()
        body = reader.body(kept.number)
        assert isinstance(body, dict) and first.context is not None
        assert str(body["trace"]).startswith(f"00-{first.context.trace_id:032x}-{first.context.span_id:016x}-")


async def test_a_run_without_a_trace_keeps_none_in_its_journal(flow: Write, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    # Without a provider, OpenTelemetry makes no spans, so there is nothing to link to.
    for listeners in ((), (Telemetry(),)):
        options = RunOptions(opener=scripted(lambda *_: "one"), journal=journal, on_event=listeners)
        assert (await run_async(flow(FLOW), {"xs": ["a"]}, options=options)).ok
    with JournalReader(journal) as reader:
        assert ["trace" in cast(dict[str, Any], reader.body(one.number)) for one in reader.index.runs.values()] == [
            False,
            False,
        ]


@pytest.mark.parametrize("trace", ["", "nonsense", "00-0-0-01", "\x00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_damaged_trace_in_a_journal_is_ignored(
    flow: Write, tmp_path: Path, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, traced = tmp_path / "j.db", Traced()
    monkeypatch.setattr("flowrun.runtime.telemetry.listener.traceparent_of", lambda span: trace)
    options = RunOptions(opener=scripted(lambda *_: "one"), journal=journal, on_event=traced.telemetry())
    assert (await run_async(flow(FLOW), {"xs": ["a"]}, options=options)).value == ["ONE"]
    assert (await resume_async("last", options=options)).value == ["ONE"]
    assert [one.links for one in traced.named("invoke_workflow")] == [(), ()]


async def test_the_spans_of_requests_sum_up_to_the_bill_of_the_run(flow: Write) -> None:
    """Spoilt answers are paid too: the tokens and dollars of the spans are those of the account."""
    cut = AnswerError("the answer is cut off", text="o", usage=Usage(7, 3))
    script: Iterator[Scripted | str] = iter([Scripted(cut), "four", "one", Scripted(cut), Scripted(cut), "two"])
    traced = Traced()
    options = RunOptions(
        opener=scripted(lambda request, number: next(script)),
        on_event=traced.telemetry(),
        policy=RetryPolicy(attempts=5, wait_initial=0.001, wait_max=0.001),
    )
    in_order = FLOW.replace("errors: skip", "concurrency: 1, errors: skip")
    result = await run_async(flow(in_order), {"xs": ["a", "b"]}, options=options)
    assert result.value == ["ONE", "TWO"]
    spans = [facts(one) for one in traced.named("chat")]
    assert sum(one[names.INPUT_TOKENS] for one in spans) == result.usage.input_tokens
    assert sum(one[names.OUTPUT_TOKENS] for one in spans) == result.usage.output_tokens
    assert sum(one[names.COST] for one in spans) == pytest.approx(result.cost)
    for metric, value in ((names.INPUT_USAGE, result.usage.input_tokens), (names.COST, result.cost)):
        assert sum(traced.figures(metric).values()) == pytest.approx(value)
    assert [names.ERROR_TYPE in one for one in spans] == [True, False, False, True, True, False]


def test_a_request_tells_what_it_waited_for(flow: Write) -> None:
    traced, loop = Traced(), VirtualLoop()
    first = [Scripted(RefusedError("slow down", status=429, retry_after=3.0))]
    options = RunOptions(
        opener=scripted(lambda request, number: first.pop() if first else Scripted("one", seconds=1)),
        on_event=traced.telemetry(),
        learn=False,
    )
    try:
        result = loop.run_until_complete(run_async(flow(FLOW), {"xs": list("abcdefgh")}, options=options))
    finally:
        loop.close()
    assert result.ok
    spans = [facts(one) for one in traced.named("chat")]
    waited = {
        cause: sum(one.get(names.WAIT + cause, 0) for one in spans) for cause in Cause if cause is not Cause.BUDGET
    }
    assert waited[Cause.RETRY_AFTER] >= 2.9, waited
    assert all(isinstance(one[name], float) for one in spans for name in one if name.startswith(names.WAIT))
    told = {dict(labels)[names.WAIT_CAUSE] for labels in traced.figures(names.WAITED)}
    assert "retry_after" in told


def test_the_calls_that_lose_a_race_are_cancelled_and_no_error(flow: Write) -> None:
    traced, loop = Traced(), VirtualLoop()
    race = 'flow f() { v = repeat 3 { ask "Good?" with temperature: 1 } reduce first return v }'
    options = RunOptions(
        opener=scripted(lambda request, number: Scripted("yes", seconds=100 if number else 1)),
        on_event=traced.telemetry(),
        learn=False,
    )
    try:
        result = loop.run_until_complete(run_async(flow(race), options=options))
    finally:
        loop.close()
    assert result.value == "yes"
    spans = [facts(one) for one in traced.named("chat")]
    assert sorted(str(one.get(names.CALL_STATE)) for one in spans) == ["None", "cancelled", "cancelled"]
    assert not any(names.ERROR_TYPE in one for one in spans)
    counted = {dict(labels)[names.CALL_STATE]: count for labels, count in traced.figures(names.CALLS).items()}
    assert counted == {"answered": 1, "cancelled": 2}


async def test_the_listener_tells_how_many_spans_it_left_out(flow: Write) -> None:
    traced = Traced()
    telemetry = traced.telemetry(most=50)
    options = RunOptions(opener=scripted(lambda *_: "one"), on_event=telemetry)
    assert (await run_async(flow(FLOW), {"xs": [str(number) for number in range(300)]}, options=options)).ok
    assert telemetry.made == len(traced.spans)
    assert telemetry.made + telemetry.left_out == 2 * 300 + 2
    assert orphans(traced.spans) == []
    (calls,) = traced.figures(names.CALLS).values()
    assert calls == 300, "metrics count every call, also without a span"


async def test_a_run_inside_a_running_loop_belongs_to_the_span_of_the_cell(flow: Write) -> None:
    traced = Traced()
    options = RunOptions(opener=scripted(lambda *_: "one"), on_event=traced.telemetry())
    with traced.tracers.get_tracer("host").start_as_current_span("cell"):
        # The run has a thread and an event loop of its own.
        assert run(flow(FLOW), {"xs": ["a"]}, options=options).ok
    (found,) = traced.named("invoke_workflow")
    assert traced.above(found) == ["cell"]


async def test_a_call_in_doubt_and_a_recalled_answer_are_events(flow: Write, tmp_path: Path) -> None:
    journal, traced = tmp_path / "j.db", Traced()
    path, began = flow(FLOW), asyncio.Event()

    def hang(request: Any, number: int) -> Scripted:
        if "b" in request.messages[-1].text:
            began.set()
            return Scripted("one", seconds=60)
        return Scripted("one")

    async def interrupted() -> None:
        await run_async(path, {"xs": ["a", "b"]}, options=RunOptions(opener=scripted(hang), journal=journal))

    task = asyncio.create_task(interrupted())
    await began.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    options = RunOptions(opener=scripted(lambda *_: "two"), journal=journal, on_event=traced.telemetry())
    assert (await resume_async("last", options=options)).value == ["ONE", "TWO"]
    told = sorted(event.name for span in traced.spans for event in span.events)
    assert told == ["flowrun.answer_recalled", "flowrun.call_in_doubt"]


async def test_a_failed_request_has_its_bill(flow: Write) -> None:
    traced = Traced()
    cut = AnswerError("the answer is cut off", text="o", usage=Usage(7, 3))
    policy = RetryPolicy(attempts=2, wait_initial=0.001, wait_max=0.001)
    options = RunOptions(opener=scripted(lambda *_: Scripted(cut)), on_event=traced.telemetry(), policy=policy)
    result = await run_async(flow(FLOW), {"xs": ["a"]}, options=options)
    assert result.losses
    told = [facts(one) for one in traced.named("chat")]
    assert [(one[names.INPUT_TOKENS], one[names.OUTPUT_TOKENS]) for one in told] == [(7, 3)] * 3
    assert sum(one[names.COST] for one in told) == pytest.approx(result.cost) == 3 * (7 * 2 + 3 * 10) / 1e6
    assert {one[names.ERROR_TYPE] for one in told} == {"AnswerError"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://api.openai.com/v1", {"server.address": "api.openai.com", "server.port": 443}),
        ("http://[::1]:8080/v1", {"server.address": "::1", "server.port": 8080}),
        ("embedded", {}),
        ("", {}),
        ("http://a:99999999/", {}),
    ],
)
def test_the_place_of_a_model(url: str, told: dict[str, Any]) -> None:
    assert of_place(url) == told
