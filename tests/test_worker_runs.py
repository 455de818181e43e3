"""Runs whose elements are spread over worker processes: the same answers, rows and figures as in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun import FlowError, RunOptions, run_async
from flowrun.dsl import Source
from flowrun.runtime.api import resume_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.session.loading import installed
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.waits import Cause
from flowrun.runtime.workers import beginning
from support.command_line import command
from support.model_server import Served, model_server
from support.worker_runs import MODEL, environ, ran

FLOW = """
flow many(xs: [text], extra: text = "kindly") {
  drafts = map x in xs {
    draft = ask "Draft {{ x }} {{ extra }}"
    good = repeat 3 { ask "Is {{ draft }} good?" -> yes | no } reduce majority
    { draft, good }
  } reduce collect
  longer = map one in drafts { ask "More of {{ one.draft }}" } reduce collect
  title = ask "A title for {{ longer }}"
  return { drafts, longer, title }
}
"""


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


def rows(journal: Path) -> list[tuple[str, str]]:
    """The kinds and places of all rows about calls, sorted."""
    with JournalReader(journal) as reader:
        run = next(iter(reader.index.runs))
        found = [(str(row[1]), str(row[3])) for row in reader.attempts(run)]
    return sorted(found)


async def test_two_workers_give_the_result_rows_and_figures_of_one_process(server: Served, tmp_path: Path) -> None:
    inputs = {"xs": [f"note {n}" for n in range(40)]}
    one = await ran(server, tmp_path, FLOW, inputs, journal=tmp_path / "one.db")
    two = await ran(server, tmp_path, FLOW, inputs, journal=tmp_path / "two.db", workers=2)
    assert two.status == one.status == "done"
    assert two.value == one.value
    assert two.tallies == one.tallies
    assert rows(tmp_path / "two.db") == rows(tmp_path / "one.db")
    for name in ("finished", "steps", "requests", "answered"):
        assert getattr(two.summary, name, None) == getattr(one.summary, name, None), name
    assert two.summary.account == one.summary.account


async def test_a_run_without_a_journal_has_workers_too(server: Served, tmp_path: Path) -> None:
    one = await ran(server, tmp_path, FLOW, {"xs": ["a", "b", "c"]})
    result = await ran(server, tmp_path, FLOW, {"xs": ["a", "b", "c"]}, workers=2)
    assert (result.status, result.value) == ("done", one.value)
    assert result.summary.account == one.summary.account


async def test_concurrency_holds_over_all_workers_as_the_server_counts(tmp_path: Path) -> None:
    text = f'model m = "{MODEL}" with concurrency: 7\nflow many(xs: [text]) {{\n' + (
        '  return map x in xs { ask m "Say {{ x }}" } reduce collect\n}\n'
    )
    # On a busy machine all places are in use only if a call takes some time.
    with model_server(tmp_path / "slow", seconds=0.05) as slow:
        result = await ran(slow, tmp_path, text, {"xs": [str(n) for n in range(200)]}, workers=3)
        assert result.status == "done"
        assert most_in_flight(slow) == 7
    (waits,) = result.summary.waits.endpoints
    assert waits.ceiling == 7
    assert waits.widest == 7
    assert waits.seconds[Cause.WIDTH] > 0.1


def most_in_flight(server: Served) -> int:
    now = most = 0
    for line in sorted(server.lines(), key=lambda one: one["time"]):
        now += 1 if line["at"] == "asked" else -1
        most = max(most, now)
    return most


@pytest.mark.parametrize("budget", ["50 calls"])
async def test_a_budget_of_calls_is_never_exceeded(server: Served, tmp_path: Path, budget: str) -> None:
    text = 'flow many(xs: [text]) {\n  return map x in xs { ask "Say {{ x }}" } reduce collect with errors: skip\n}\n'
    result = await ran(server, tmp_path, text, {"xs": [str(n) for n in range(80)]}, workers=2, budget=budget)
    assert result.status == "budget"
    assert server.answers() == 50
    assert len(result.value) == 50


async def test_a_run_goes_on_with_another_number_of_workers(server: Served, tmp_path: Path) -> None:
    inputs = {"xs": [f"note {n}" for n in range(30)]}
    journal = tmp_path / "one.db"
    first = await ran(server, tmp_path, FLOW, inputs, journal=journal, workers=2, budget="60 calls")
    assert first.status == "budget"
    assert server.answers() == first.summary.account.answered == 60
    # The samples of a vote go in one request: in one process there are 45, and each grant of a few calls may split one.
    assert sum(line["at"] == "asked" for line in server.lines()) <= 50
    options = RunOptions(environ=environ(server, tmp_path), workers=3, budget="500 calls")
    second = await resume_async(first.run, journal, options=options)
    assert second.status == "done"
    answers = server.answers()
    assert answers == len({place for kind, place in rows(journal) if kind == "answer"})
    again = await resume_async(first.run, journal, options=RunOptions(environ=environ(server, tmp_path)))
    assert again.value == second.value
    assert server.answers() == answers


@pytest.mark.parametrize("processes", [{"workers": 2}, {"engine": "ray"}])
async def test_an_opener_cannot_go_to_workers(server: Served, tmp_path: Path, processes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="an `opener` is a function of this process, and worker processes open models"):
        await ran(server, tmp_path, FLOW, {"xs": ["a"]}, **processes, opener=lambda address, around: None)
    assert server.lines() == []


async def test_a_catalog_checks_the_flow_of_a_run_with_workers(server: Served, tmp_path: Path) -> None:
    known = installed(Source("", "x.flow"))
    options = RunOptions(model=MODEL, environ=environ(server, tmp_path), workers=2, catalog=known)
    flow = tmp_path / "x.flow"
    flow.write_text(FLOW)
    result = await run_async(flow, {"xs": ["a", "b"]}, options=options)
    assert result.status == "done"
    without = replace(options, catalog=replace(known, reducers={}))
    with pytest.raises(FlowError, match="majority"):
        await run_async(flow, {"xs": ["a", "b"]}, options=without)


async def test_a_flow_without_a_map_says_so_and_runs(server: Served, tmp_path: Path) -> None:
    result = await ran(server, tmp_path, 'flow one() {\n  return ask "Hello"\n}\n', {}, workers=2)
    assert result.status == "done"
    assert any("nothing that worker processes can run" in line for line in result.summary.notices)


async def test_a_budget_in_dollars_is_never_exceeded(server: Served, tmp_path: Path) -> None:
    text = (
        'model m = "openai:gpt-4o-mini" with max_tokens: 5, input_price: 0.15, output_price: 0.6\n'
        'flow many(xs: [text]) {\n  return map x in xs { ask m "Say {{ x }}" } reduce collect with errors: skip\n}\n'
    )
    inputs = {"xs": [str(n) for n in range(100)]}
    one = await ran(server, tmp_path, text, inputs, budget="$0.0002")
    two = await ran(server, tmp_path, text, inputs, budget="$0.0002", workers=3)
    assert two.status == one.status == "budget"
    assert one.cost is not None
    assert two.cost is not None
    assert 0.0001 < one.cost <= 0.0002
    assert 0.0001 < two.cost <= 0.0002
    assert two.summary.account.answered == one.summary.account.answered
    charged = [sum(use.charged for use in each.summary.account.models.values()) for each in (one, two)]
    assert 0 < charged[0] == pytest.approx(charged[1])


async def test_the_command_shows_a_run_with_workers_like_any_other(server: Served, tmp_path: Path) -> None:
    (tmp_path / "x.flow").write_text(FLOW)
    (tmp_path / "xs.txt").write_text("\n".join(f"note {n}" for n in range(12)))
    told = {}
    for workers in ("0", "2"):
        journal = str(tmp_path / f"{workers}.db")
        words = ["x.flow", "--xs", "xs.txt", "--model", MODEL, "--workers", workers, "--journal", journal, "--json"]
        run = await command(*words, "--report", f"{workers}.html", folder=tmp_path, **environ(server, tmp_path))
        assert run.code == 0, run.err
        shown = await command("show", "last", "--journal", journal, "--json", folder=tmp_path)
        assert shown.code == 0, shown.err
        exported = await command("journal", "export", "--journal", journal, folder=tmp_path)
        answer = json.loads(run.out)
        names = ("status", "value", "votes", "calls", "requests", "answered", "cancelled", "tokens", "spared")
        calls = [(one["path"], one.get("answer")) for one in json.loads(shown.out)["calls"]]
        told[workers] = (*(answer[name] for name in names), calls, len(exported.out.splitlines()))
        assert (tmp_path / f"{workers}.html").stat().st_size > 10_000
    assert told["2"] == told["0"]
