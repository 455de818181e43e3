"""The record of a run in its details: labels, single calls, changed prompts, live runs and speed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.dispatch.answer_rows import AnswerRows
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.survey import read_runs
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.replay import call_rows, calls_of, find_call, read_run, run_records
from flowrun.runtime.replay.call_surroundings import label_of
from flowrun.runtime.values.prompts import render_all
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import DiskError
from support.cpu import cpu_within
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

Json = Any
NOTES = """flow f(rows: [{ title: text, size: int }]) {
  notes = map row in rows { draft = ask "Note on {{ row.title }}"  short = ask "Shorten {{ draft }}" } reduce collect
  return notes
}"""
ROWS = [{"title": title, "size": 1} for title in ("Spring", "Autumn", "Winter")]
PLACES = {"m": "m"}


def go(path: Path, script: Any = None, rows: Json = ROWS) -> None:
    def opener(model: str, around: Any) -> ScriptedProvider:
        return scripted(script or (lambda request, n: Scripted(f"x{n}", 1)))(model, around)

    options = RunOptions(model="m", opener=opener, journal=path, learn=False)
    in_virtual_time(run_async(planned(NOTES), {"rows": rows}, options=options))


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    go(tmp_path / "j.db")
    yield tmp_path / "j.db"


def test_calls_have_their_labels_and_steps(journal: Path) -> None:
    with JournalReader(journal) as reader:
        record = read_run(reader, reader.index.named("last")[0])
    assert {(one.path, one.step, one.labels) for one in record.calls if one.path.endswith("draft")} == {
        (f"notes[{at}].draft", "notes.draft", (row["title"],)) for at, row in enumerate(ROWS)
    }


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"body": "b", "id": 7}, "7"),
        ({"size": 3, "name": "Ada"}, "Ada"),
        ({"body": "x" * 61, "word": "short"}, "short"),
        ({"two": "a\nb", "three": ["c"]}, ""),
        ("x" * 60, "x" * 60),
        ("x" * 61, ""),
        (True, ""),
        (None, ""),
    ],
)
def test_the_label_of_an_element_is_short_and_one_line(row: Json, label: str) -> None:
    assert label_of(row) == label


def test_one_call_is_found_with_and_without_its_prompt(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JournalReader(journal, read_runs) as reader:
        run = reader.index.named("last")[0]
        found = find_call(reader, run, "notes[1].short")
        assert found is not None
        assert found.request is not None
        assert found.request.messages[-1].text.startswith("Shorten x")
        bare = call_rows(reader, run, "notes[1].short")
        assert bare is not None
        assert (bare.state, bare.request, bare.answers[0].text) == ("answered", None, found.answers[0].text)
        monkeypatch.setattr(run_records, "NEAR", 0)
        monkeypatch.setattr(run_records, "PART", 2)
        far = find_call(reader, run, "notes[1].short")
        assert far is not None
        assert far.request is None
        assert far.answers[0].text == found.answers[0].text
        whole = find_call(reader, run, "notes[1].short", whole=True)
        assert whole is not None
        assert whole.request == found.request
        assert find_call(reader, run, "notes[9].short") is None
        assert call_rows(reader, run, "notes[9].short") is None
        assert len([*calls_of(reader, run)]) == 6


def test_a_prompt_that_differs_from_the_one_that_was_sent_is_named(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later version of flowrun may fill a template in another way: the key of the row tells of it."""
    # Another test may have made an image, and then prompts are rendered in another way.
    monkeypatch.setattr("flowrun.dsl.image_values.ImageValue.made", False)
    monkeypatch.setattr(
        "flowrun.runtime.engine.asks.render_all",
        lambda *given: [one.replace("Note on Autumn", "A note on Autumn") for one in render_all(*given)],
    )
    with JournalReader(journal) as reader:
        record = read_run(reader, reader.index.named("last")[0])
    [changed] = [one for one in record.calls if one.path == "notes[1].draft"]
    assert changed.request is None
    assert (changed.state, len(changed.answers)) == ("answered", 1)
    assert any("`notes[1].draft`" in note for note in record.notes)
    assert not any("`notes[0].draft`" in note for note in record.notes)
    assert sum(one.request is None for one in record.calls) == 2, "the call that needs its answer is not made either"


def test_a_live_run_is_read_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    path, seen = tmp_path / "j.db", []

    def script(request: Request, n: int) -> Scripted:
        if n == 4:
            with JournalReader(path) as reader:
                seen.append(read_run(reader, reader.index.named("last")[0]))
        return Scripted(f"x{n}", n)

    go(path, script)
    [record] = seen
    assert record.status == "running"
    assert record.ended is None
    assert not record.end.complete
    assert {one.state for one in record.calls} >= {"answered", "open"}


def test_a_damaged_row_is_a_sentence(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE records SET body = replace(body, 'x1', 'y1') WHERE kind = 'answer'")
    with JournalReader(journal, read_runs) as reader, pytest.raises(DiskError, match="differs from the written row"):
        read_run(reader, reader.index.named("last")[0])


@pytest.mark.slow
def test_a_thousand_calls_are_read_in_a_part_of_a_second(tmp_path: Path) -> None:
    go(tmp_path / "j.db", rows=[{"title": str(at), "size": 1} for at in range(500)])
    with JournalReader(tmp_path / "j.db") as reader:
        run = reader.index.named("last")[0]
        read_run(reader, run)
        with cpu_within(0.8):
            read_run(reader, run)


PRICED = 'model m = "openai:m" with input_price: 1, output_price: 2\nflow f() { a = ask m "hello" return a }'


@pytest.mark.parametrize(
    ("costs", "priced", "remark"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_the_remark_about_prices_stands_only_where_a_cost_was_reckoned(
    costs: bool, priced: bool, remark: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journals of earlier versions have no costs; without a price, none can be reckoned either."""
    if not costs:
        monkeypatch.setattr(AnswerRows, "__init__", lambda self, cost=None: setattr(self, "_cost", lambda *given: None))
    path = tmp_path / "j.db"
    text = PRICED if priced else PRICED.replace(" with input_price: 1, output_price: 2", "")
    options = RunOptions(opener=scripted(lambda request, n: "x"), journal=path, learn=False)
    in_virtual_time(run_async(planned(text), options=options))
    with JournalReader(path) as reader:
        record = read_run(reader, reader.index.named("last")[0], environ={})
    assert any("at the prices of today" in note for note in record.notes) is remark
    [call] = record.calls
    assert (call.cost is not None) is priced
