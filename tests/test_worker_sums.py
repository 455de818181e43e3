"""The sums of events that workers send where no listener wants to hear each event."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.account.event_fold import FOLDED, Fold
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.account.sums import figures_in
from flowrun.runtime.cli.progress import LiveDisplay, ProgressLines, Silent
from flowrun.runtime.journal.wire import WireError
from flowrun.runtime.serve.progress import Progress
from flowrun.runtime.session.listeners import Listeners
from flowrun.runtime.session.sum_listeners import adding
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Ceiling
from flowrun.runtime.vocabulary.errors import AnswerError, RefusedError
from flowrun.runtime.vocabulary.request_events import Bill
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from flowrun.runtime.workers import beginning
from flowrun.runtime.workers.event_forms import STRIDE, EventReader
from flowrun.runtime.workers.message_contents import read
from flowrun.runtime.workers.worker_handle import WorkerHandle
from support.model_server import Served, model_server

FLOW = """
model m = "openai:test" with concurrency: 20
flow many(xs: [text]) {
  drafts = map x in xs {
    draft = ask m "Draft {{ x }}"
    good = repeat 3 { ask m "Is {{ draft }} good?" -> yes | no } reduce majority
    { draft, good }
  } reduce collect
  return drafts
}
"""


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


async def ran(server: Served, folder: Path, count: int, **options: Any) -> Result:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-t"}
    given = RunOptions(environ=environ, **options)
    inputs = {"xs": [f"note {n}" for n in range(count)]}
    return await run_async(load(Source(FLOW, str(folder / "x.flow"))), inputs, options=given)


def drawn(dice: random.Random) -> Iterator[e.Event]:
    """The events of requests that end in all ways, mixed with each other. Some do not end."""
    going: list[tuple[e.RequestStarted, list[e.Event]]] = []
    for number in range(1, 60):
        calls = dice.randint(1, 3)
        each = Ceiling(dice.randint(1, 90), dice.choice([None, 7]), dice.choice(["", "short"]), dice.choice(["", "x"]))
        model = dice.choice(["a", "b"])
        start = e.RequestStarted(number, f"xs[{number}]", model, calls, each)
        usage = Usage(dice.randint(1, 90), dice.choice([None, 5]), TokenDetail(cached=1), dice.choice(["", "flex"]))
        answers = dice.choice([None, calls - 1])
        done = e.RequestFinished(
            number, "x", model, calls, 0.5, usage.input_tokens, usage.output_tokens, answers, bill=Bill(usage)
        )
        refused = e.AttemptFailed(number, calls, "refused", error=RefusedError("busy"))
        spoilt = e.AttemptFailed(number, calls, "spoilt", usage, AnswerError("bad", text="x"))
        grew = e.AnswerGrew(number, "x", 10 * number)
        ends: list[list[e.Event]] = [
            [done],
            [grew, done],
            [refused, e.RequestRetried(number, "x", "busy", 0.1, calls), start, done],
            [spoilt, e.RequestFailed(number, "x", model, calls, 0.25, "bad", error=AnswerError("bad", text="x"))],
            [grew, refused, e.RequestFailed(number, "x", model, calls, 0.25, "busy", error=RefusedError("busy"))],
            [e.RequestCancelled(number, "x", calls)],
            [e.RequestCancelled(number, "x", calls, open=True)],
            [grew],
            [],
        ]
        yield start
        going.append((start, dice.choice(ends)))
        for _ in range(dice.randint(0, 4)):
            _, left = dice.choice(going)
            if left:
                yield left.pop(0)
        others: list[e.Event] = [
            e.StepFinished("x", "ask"),
            e.BlockOpened("x", 2, 3),
            e.BlockGrew("x", 2, 3),
            e.BlockClosed("x", 1),
            e.AnswerRecalled("x", "a"),
            e.CallInDoubt("x", "a"),
            e.CallHedged("x", "a"),
            e.Notice(f"line {number}"),
        ]
        yield dice.choice(others)


@pytest.mark.parametrize("seed", range(30))
def test_sums_make_the_same_summary_as_single_events(seed: int) -> None:
    dice = random.Random(seed)
    one, fold, reader = Summary(), Fold(), EventReader(3)
    two = Summary(prices=one.prices)
    served, summed = Progress(None, lambda: None), Progress(None, lambda: None)
    for event in drawn(dice):
        one(event)
        if served.hears(type(event)):
            served(event)
        if not fold(event):
            two(event)
        if dice.random() < 0.3 and (sums := fold.take()) is not None:
            figures = reader.figures(json.loads(json.dumps(sums)))
            two.add_figures(figures)
            summed.add_figures(figures)
    if (sums := fold.take()) is not None:
        figures = reader.figures(json.loads(json.dumps(sums)))
        two.add_figures(figures)
        summed.add_figures(figures)
    for name in ("steps", "finished", "calls", "recalled"):
        assert getattr(summed, name) == getattr(served, name)
    assert summed.calls > 0
    assert fold.take() is None
    assert sum(one.growing.values()) == sum(two.growing.values())
    assert two.busy == pytest.approx(one.busy)
    left: dict[str, Any] = {"growing": {}, "out": {}, "busy": 0.0}
    for summary in (one, two):
        for name, value in left.items():
            setattr(summary, name, copy.copy(value))
    assert two == one


def test_calls_of_a_dead_worker_of_which_only_the_number_is_known_are_broken_off() -> None:
    fold, reader, summary = Fold(), EventReader(1), Summary()
    for number, calls in ((1, 2), (2, 1), (3, 4)):
        fold(e.RequestStarted(number, "x", "m", calls))
    fold(e.RequestFinished(2, "x", "m", 1, 0.1, 1, 1))
    summary.add_figures(reader.figures(fold.take()))
    assert reader.busy
    retried = ["RequestRetried", 0.0, 3, "x", "busy", 0.1, 4, None, None]
    summary(reader.event(retried))
    assert summary.flying == reader.flying == 2
    ends = reader.broken_off(3.0)
    assert ends == [e.RequestCancelled(STRIDE, "", 2, open=True)]
    for one in ends:
        summary(one)
    assert (summary.flying, summary.account.sent, summary.account.in_doubt) == (0, 7, 6)
    assert not reader.busy


@pytest.mark.parametrize("found", [None, [], [[1], 0.0, 0, 0, []], [[0] * 7, 0.0, 0, 0, [["m", [1], [], [0] * 4, []]]]])
def test_sums_of_another_form_are_refused(found: Any) -> None:
    worker = WorkerHandle(1, cast("Any", None), EventReader(1))
    with pytest.raises(WireError):
        read(worker, "figures", found)
    assert figures_in([[0] * 7, 0.0, 0, 0, []], 1).count("flying") == 0


def test_a_listener_that_hears_each_event_keeps_workers_from_summing_up() -> None:
    def every(event: e.Event) -> None:
        """Take an event."""

    assert adding([Summary(), Silent(), Listeners([Silent(), ProgressLines()])]) is not None
    assert adding([Summary(), Listeners([Silent(), every])]) is None
    assert adding([Summary(), LiveDisplay()]) is None


async def test_a_run_without_listeners_has_the_account_of_one_process_and_hears_no_single_requests(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[type] = []
    original = EventReader.event

    def event(self: EventReader, row: list[Any]) -> e.Event:
        found = original(self, row)
        heard.append(type(found))
        return found

    monkeypatch.setattr(EventReader, "event", event)
    one = await ran(server, tmp_path, 20, journal=tmp_path / "one.db")
    two = await ran(server, tmp_path, 20, journal=tmp_path / "two.db", workers=2)
    assert two.value == one.value
    assert e.VoteCounted in heard
    assert not FOLDED.intersection(heard)
    names = ("account", "steps", "finished", "flying", "failed", "cancelled", "retries", "recalled", "in_doubt")
    assert {name: getattr(two.summary, name) for name in names} == {name: getattr(one.summary, name) for name in names}
    assert two.summary.busy > 0
    assert two.summary.votes.keys() == one.summary.votes.keys()
    heard.clear()
    events: list[e.Event] = []
    await ran(server, tmp_path, 5, workers=2, on_event=events.append)
    assert {e.RequestStarted, e.RequestFinished} <= set(heard)


async def test_plain_progress_lines_count_the_work_of_workers(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flowrun.runtime.cli import progress

    monkeypatch.setattr(progress, "EVERY", 0.0)
    lines = ProgressLines()
    result = await ran(server, tmp_path, 20, workers=2, on_event=lines)
    assert lines.summary.account == result.summary.account
    assert lines.summary.finished == result.summary.finished > 0
    assert "calls done" in capsys.readouterr().err
