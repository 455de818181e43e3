"""The most that the calls in doubt of an earlier run can have cost: each attempt at the highest cost of a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.amounts import limit_text
from flowrun.runtime.vocabulary.errors import InDoubtError, PermanentError
from flowrun.runtime.vocabulary.events import Notice
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

FLOW = """
model m = "openai:m" with input_price: 10, output_price: 100, max_tokens: 20
flow f() { a = ask m "Hello" return a }
"""


@pytest.fixture(autouse=True)
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))


@pytest.mark.parametrize("lost", [1, 3, 6])
def test_a_later_run_tells_the_most_that_all_attempts_can_have_cost(lost: int, tmp_path: Path) -> None:
    told: list[str] = []

    def answer(request: Any, number: int) -> Scripted:
        return Scripted(InDoubtError("boom", status=500) if number < lost else PermanentError("no", status=400), 1)

    def listen(event: object) -> None:
        if isinstance(event, Notice):
            told.append(event.text)

    def options(script: Any, **given: Any) -> RunOptions:
        return RunOptions(opener=scripted(script), journal=tmp_path / "j.db", learn=False, **given)

    first = in_virtual_time(run_async(planned(FLOW), options=options(answer)))
    in_virtual_time(
        run_async(planned(FLOW), options=options(lambda request, number: Scripted("x", 1), on_event=listen))
    )
    unbilled = first.summary.whole.unbilled(first.summary.prices)
    assert unbilled is not None
    assert [line for line in told if f"may have been paid ({limit_text(unbilled)} at most)" in line], (told, unbilled)
    with JournalReader(tmp_path / "j.db") as reader:
        assert reader.index.doubts() == {}
