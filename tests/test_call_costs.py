"""The cost of a call in the record of a run: what this run paid, and nothing that an earlier one paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.runtime import RunOptions, run
from flowrun.runtime.journal.choice import chosen_run
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.replay import read_run
from flowrun.runtime.vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State
from support.answering import answering

FLOW = """\
model m = "openai:m" with input_price: 1, output_price: 2, retries: 0

flow f() {
  v = repeat 3 { ask m "Spam?" -> yes | no } reduce majority
  return v
}
"""


@pytest.mark.parametrize(
    ("state", "ends", "cost"),
    [
        ("answered", ["answered"], 2.0),
        ("reused", [], 0.0),
        ("failed", ["spoilt"], 2.0),
        ("failed", [], 0.0),
        ("failed", ["refused"], 0.0),
        ("cancelled", ["cancelled"], 0.0),
    ],
)
def test_answers_of_an_earlier_run_cost_nothing(state: State, ends: list[End], cost: float) -> None:
    attempts = tuple(AttemptRecord(f"r{at}", end) for at, end in enumerate(ends))
    error = "" if state in ("answered", "reused") else "empty"
    call = CallRecord("a", "a", "a", "m", state, answers=(AnswerRecord("x", error=error, cost=2.0),), attempts=attempts)
    assert call.cost == cost and call.from_journal == (cost == 0)


def test_a_spoilt_answer_is_paid_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (tmp_path / "f.flow").write_text(FLOW, encoding="utf-8")
    journal = tmp_path / "journal.db"
    with answering(lambda prompt, model, number: "" if number == 1 else "yes", most=1) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        costs = []
        for _ in range(2):
            result = run(tmp_path / "f.flow", options=RunOptions(journal=journal))
            with JournalReader(journal) as reader:
                calls = read_run(reader, chosen_run(reader.index, result.run, journal)).calls
            costs.append((result.cost, sum(call.cost or 0 for call in calls)))
    assert costs[0][0] == pytest.approx(costs[0][1]) and costs[0][0] == pytest.approx(3 * 26e-6)
    assert costs[1] == (0, 0)


CASCADE = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2, retries: 0
model dear = "openai:dear" with input_price: 10, output_price: 20, retries: 0

flow f() {
  v = cascade {
    ask cheap "Spam?" -> yes | no with retries: 0
    else ask dear "Spam?" -> yes | no
  }
  return v
}
"""


def test_a_stage_counts_the_answers_that_it_paid_for_and_cannot_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (tmp_path / "f.flow").write_text(CASCADE, encoding="utf-8")
    options = RunOptions(journal=tmp_path / "journal.db")
    with answering(lambda prompt, model, number: "" if model == "cheap" else "yes") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        counts = [run(tmp_path / "f.flow", options=options).outcome.cascades for _ in range(2)]
    for count in counts:
        assert [(stage.end, stage.calls) for stage in count["v"].stages] == [("failed", 1), ("value", 1)]
        assert [dict(stage.used) for stage in count["v"].stages] == [
            {"openai:cheap": (20, 3)},
            {"openai:dear": (20, 3)},
        ]
