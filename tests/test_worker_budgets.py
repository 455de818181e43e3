"""Runs whose budget ends while workers share it: the journal tells the value and the losses that the run had."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.replay.reading import RunReading
from flowrun.runtime.workers import beginning
from support.few_cases import few
from support.model_server import Served, model_server
from support.worker_runs import environ, ran

PRICED = 'model m = "openai:gpt-4o-mini" with max_tokens: 5, input_price: 0.15, output_price: 0.6\n'
BODIES = {
    "an ask": ('ask "Say {{ x }}"', "9 calls"),
    "two asks": ('a = ask "Say {{ x }}"\n ask "More of {{ a }}"', "21 calls"),
    "a vote": ('repeat 3 { ask "Is {{ x }} good?" -> yes | no } reduce majority', "25 calls"),
    "a map": ('map y in [1, 2] { ask "Say {{ x }} {{ y }}" } reduce collect with errors: skip', "15 calls"),
    "a called flow": ("small(x: x)", "21 calls"),
    "dollars": ('ask m "Say {{ x }}"', "$0.0001"),
}


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


@pytest.mark.parametrize(
    ("of", "lost"),
    few(
        [(of, lost) for lost in ("skip", "fail") for of in BODIES], *zip(BODIES, cycle(["skip", "fail"]), strict=False)
    ),
)
async def test_the_journal_tells_the_end_of_a_shared_budget(of: str, lost: str, server: Served, tmp_path: Path) -> None:
    body, budget = BODIES[of]
    text = PRICED + (
        'flow small(x: text) budget 1 calls {\n  a = ask "One {{ x }}"\n  return a\n}\n'
        f"flow many(xs: [text]) {{\n  return map x in xs {{\n {body} }} reduce collect with errors: {lost}\n}}\n"
    )
    journal = tmp_path / "j.db"
    inputs = {"xs": [f"note {n}" for n in range(40)]}
    result = await ran(server, tmp_path, text, inputs, journal=journal, workers=2, budget=budget)
    assert result.status == "budget"
    with JournalReader(journal) as reader:
        (run,) = reader.index.runs.values()
        reading = RunReading(reader, run, environ(server, tmp_path))
        states = [call.state for call in reading.calls()]
    outcome = reading.outcome
    assert outcome is not None
    assert (outcome.status, outcome.complete) == ("budget", result.outcome.complete)
    assert outcome.value == result.value
    assert states.count("answered") == result.summary.account.answered
    if lost == "skip":
        assert sorted(one.path for one in outcome.losses) == sorted(one.path for one in result.outcome.losses)
        assert outcome.tallies == result.tallies
