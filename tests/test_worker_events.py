"""What listeners, reports and files see of a run with worker processes, and what workers refuse."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun import Stop
from flowrun.runtime.session import workers as session_workers
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.workers import beginning
from flowrun.runtime.workers.link import Link
from support.model_server import Served, model_server
from support.worker_runs import ran

FLOW = """
flow many(xs: [text]) {
  drafts = map x in xs {
    draft = ask "Draft {{ x }}"
    good = repeat 3 { ask "Is {{ draft }} good?" -> yes | no } reduce majority
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


def told(events: list[e.Event]) -> Counter[tuple[object, ...]]:
    """The events without their order, numbers and times."""
    left = (e.RunFinished, e.LimitsSet, e.ModelReady, e.Notice)
    facts = []
    for one in events:
        if isinstance(one, left):
            continue
        carried = tuple((call.place, call.messages) for call in getattr(one, "carried", ()))
        facts.append((type(one), getattr(one, "path", ""), carried, getattr(one, "came", ())))
    return Counter(facts)


async def test_listeners_hear_the_same_events_with_their_prompts_and_answers(server: Served, tmp_path: Path) -> None:
    inputs = {"xs": [f"note {n}" for n in range(20)]}
    one: list[e.Event] = []
    two: list[e.Event] = []
    await ran(server, tmp_path, FLOW, inputs, on_event=one.append)
    await ran(server, tmp_path, FLOW, inputs, on_event=two.append, workers=2)
    assert told(two) == told(one)
    starts = [event for event in two if isinstance(event, e.RequestStarted)]
    assert len({event.number for event in starts}) == len(starts)
    assert all(event.carried for event in starts)
    assert [event.at for event in two] != []
    assert max(event.at for event in two) - min(event.at for event in two) < 60
    assert isinstance(two[-1], e.RunFinished)


async def test_another_version_or_plan_at_a_worker_is_refused_before_a_call(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = session_workers.version_here
    monkeypatch.setattr(session_workers, "version_here", lambda: "0.0.1")
    with pytest.raises(UsageError, match="a worker process cannot begin: it has flowrun"):
        await ran(server, tmp_path, FLOW, {"xs": ["a"]}, workers=2)
    monkeypatch.setattr(session_workers, "version_here", version)
    monkeypatch.setattr(session_workers, "digest_of", lambda text: "other")
    with pytest.raises(UsageError, match="a worker process cannot begin: the plan has changed on its way"):
        await ran(server, tmp_path, FLOW, {"xs": ["a"]}, workers=2)
    assert server.lines() == []


async def test_a_worker_reads_files_of_the_flow(server: Served, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"text {name}")
    text = 'flow many(xs: [text]) {\n  return map x in xs { t = file(x)\n    ask "Say {{ t }}" } reduce collect\n}\n'
    inputs = {"xs": ["a.txt", "b.txt"]}
    one = await ran(server, tmp_path, text, inputs, journal=tmp_path / "one.db")
    two = await ran(server, tmp_path, text, inputs, journal=tmp_path / "two.db", workers=2)
    assert two.value == one.value
    outside = await ran(server, tmp_path, text, {"xs": ["/etc/passwd"]}, workers=2)
    assert "outside the flow's folder" in outside.failures[0].reason


async def test_a_large_text_that_all_bodies_share_goes_to_each_worker_once(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrun.runtime.workers.hub import Hub

    sent: list[int] = []
    original = Hub._deal

    def counted(self: Hub) -> None:
        for worker in self.team:
            if worker.link is not None and not hasattr(worker.link, "counted"):
                send = worker.link.send

                def counting(message: Any, send: Any = send) -> None:
                    sent.append(len(json.dumps(message)))
                    send(message)

                worker.link.send = counting  # type: ignore[method-assign]
                worker.link.counted = True  # type: ignore[attr-defined]
        original(self)

    monkeypatch.setattr(Hub, "_deal", counted)
    text = (
        "flow many(xs: [text], book: text) {\n  return map x in xs { same = x == book\n"
        '    ask "{{ x }} {{ same }}" } reduce collect\n}\n'
    )
    book = "é" * (1 << 20)
    result = await ran(server, tmp_path, text, {"xs": [str(n) for n in range(12)], "book": book + "\n"}, workers=2)
    assert (result.failures, result.status) == ((), "done")
    assert len([size for size in sent if size > 1 << 20]) == 2


async def test_a_run_that_is_stopped_before_it_begins_ends(server: Served, tmp_path: Path) -> None:
    stop = Stop()
    stop()
    result = await ran(server, tmp_path, FLOW, {"xs": ["a"] * 5}, workers=2, stop=stop, journal=tmp_path / "r.db")
    assert result.status == "stopped"
    assert server.lines() == []


async def test_a_cancelled_run_leaves_no_worker(server: Served, tmp_path: Path) -> None:
    from support.worker_pids import gone, worker_pids

    server.hold(200)
    task = asyncio.create_task(ran(server, tmp_path, FLOW, {"xs": [str(n) for n in range(500)]}, workers=2))
    pids = await worker_pids(2)
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pids)


async def test_failures_and_losses_are_those_of_one_process(server: Served, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    text = (
        "flow many(xs: [text]) {\n  return map x in xs { t = file(x)\n"
        '    ask "Say {{ t }}" } reduce collect with errors: skip\n}\n'
    )
    inputs = {"xs": ["a.txt", "b.txt", "a.txt"]}
    one = await ran(server, tmp_path, text, inputs)
    two = await ran(server, tmp_path, text, inputs, workers=2)
    assert (two.status, two.value) == (one.status, one.value)
    assert [(loss.path, loss.reason) for loss in two.losses] == [(loss.path, loss.reason) for loss in one.losses]


async def test_a_worker_that_ends_before_it_is_ready_is_told_before_a_call(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrun.runtime.workers import process

    monkeypatch.setattr(process, "_PROGRAM", "raise SystemExit(5)")
    with pytest.raises(UsageError, match=r"a worker process ended before it was ready \(exit code 5\)"):
        await ran(server, tmp_path, FLOW, {"xs": ["a"]}, workers=2, journal=tmp_path / "r.db")
    assert server.lines() == []


async def test_no_key_is_in_a_message_or_in_the_words_of_a_worker(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    write, started = Link._write, subprocess.Popen

    def written(self: Link, to: asyncio.Transport, given: list[Any]) -> None:
        sent.append(json.dumps(given))
        write(self, to, given)

    def start(command: list[str], **given: Any) -> Any:
        sent.append(json.dumps(command))
        return started(command, **given)

    monkeypatch.setattr(Link, "_write", written)
    monkeypatch.setattr(subprocess, "Popen", start)
    result = await ran(server, tmp_path, FLOW, {"xs": ["a", "b"]}, workers=2, journal=tmp_path / "r.db")
    assert result.status == "done"
    assert len(sent) > 4
    assert not any("sk-test" in text for text in sent)
