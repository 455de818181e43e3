"""One call of a large run: only the part of the run that the call needs is read and replayed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import plan as p
from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.documents import stored_rows
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.journal import records
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.survey import read_runs
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.replay import find_call, read_part, read_run, run_records
from flowrun.runtime.replay.driver import Replay
from flowrun.runtime.replay.excerpt import excerpt_of, under
from flowrun.runtime.vocabulary.call_path import parse_path
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

Json = Any
ROWS = [{"id": f"c-{at}", "text": f"text {at}"} for at in range(6)]
FLOWS = {
    "a map": """flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows { first = ask "Note on {{ row.text }}"  last = ask "Shorten {{ first }}" } reduce collect
  return out
}""",
    "maps in a row": """flow f(rows: [{ id: text, text: text }]) {
  drafts = map row in rows { ask "Note on {{ row.text }}" } reduce collect
  short = map draft in drafts { ask "Shorten {{ draft }}" } reduce collect
  best = map one in short { twice = ask "Again {{ one }}" } reduce collect
  return best
}""",
    "a step before, and one that takes all": """flow f(rows: [{ id: text, text: text }]) {
  style = ask "A style"
  unused = map row in rows { ask "Unused {{ row.text }}" } reduce collect
  drafts = map row in rows { ask "Note on {{ row.text }} as {{ style }}" } reduce collect
  out = map row in rows { ask "{{ row.text }} beside {{ drafts }}" } reduce collect
  return out
}""",
    "a map in a map": """flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows {
    title = ask "A title of {{ row.text }}"
    parts = map word in ["a", "b"] { part = ask "{{ word }} of {{ title }}" } reduce collect
    whole = ask "Join {{ parts }}"
  } reduce collect
  return out
}""",
    "a called flow": """flow one(row: { id: text, text: text }) {
  names = map word in ["a", "b"] { ask "{{ word }} in {{ row.text }}" } reduce collect
  return names
}
flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows { found = one(row: row) } reduce collect
  return out
}""",
    "a vote in each element": """flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows {
    verdict = repeat 3 { ask "Judge {{ row.text }}" -> x0 | x1 | x2 } reduce majority(ties: first)
  } reduce collect
  return out
}""",
    "a filter": """flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows where row.id != "c-2" { ask "Note on {{ row.text }}" } reduce collect
  return out
}""",
    "losses": """flow f(rows: [{ id: text, text: text }]) {
  out = map row in rows { ask "Note on {{ row.text }}" -> x0 | x1 } reduce collect with errors: skip
  return out
}""",
}


def options(path: Path, script: Any = None) -> RunOptions:
    def opener(model: str, around: Any) -> ScriptedProvider:
        return scripted(script or (lambda request, n: Scripted(f"x{n % 3}", 1)))(model, around)

    return RunOptions(model="m", opener=opener, journal=path, learn=False)


@pytest.fixture(autouse=True)
def every_run_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    monkeypatch.setattr(run_records, "NEAR", -1)


def last_run(path: Path) -> tuple[JournalReader, RunRecord]:
    reader = JournalReader(path, read_runs)
    return reader, read_run(reader, reader.index.named("last")[0])


@pytest.mark.parametrize("name", FLOWS)
def test_a_part_of_a_run_shows_its_calls_as_the_whole_run_does(name: str, tmp_path: Path) -> None:
    in_virtual_time(run_async(planned(FLOWS[name]), {"rows": ROWS}, options=options(tmp_path / "j.db")))
    check(tmp_path / "j.db")


def check(path: Path) -> int:
    """Compare each call that a part of the last run shows with the same call of the whole run. Count the parts."""
    reader, whole = last_run(path)
    parts = 0
    with reader:
        run = reader.index.named("last")[0]
        calls = RunCalls(whole)
        for at, call in enumerate(whole.calls):
            shown = calls.addresses[at].text
            part = read_part(reader, run, shown)
            assert find_call(reader, run, call.place) is not None
            if part is None:
                continue
            parts += 1
            assert call in part.calls, shown
            assert len(part.calls) <= len(whole.calls)
            assert RunCalls(part).find(shown)
    assert parts
    return parts


def test_a_label_names_an_element_of_the_inputs(tmp_path: Path) -> None:
    in_virtual_time(run_async(planned(FLOWS["a map"]), {"rows": ROWS}, options=options(tmp_path / "j.db")))
    reader, whole = last_run(tmp_path / "j.db")
    with reader:
        part = read_part(reader, reader.index.named("last")[0], "out.c-4.last")
        assert part is not None
        assert [one.place for one in part.calls] == ["out[4].last"]
        assert part.calls[0] in whole.calls
        assert part.calls[0].labels == ("c-4",)


def test_a_call_of_a_later_run_and_its_reused_answers(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    for rows in (ROWS[:3], ROWS):
        in_virtual_time(run_async(planned(FLOWS["a map"]), {"rows": rows}, options=options(path)))
    assert check(path) == 12
    reader, whole = last_run(path)
    reader.close()
    assert {one.state for one in whole.calls} == {"answered", "reused"}


def test_a_call_of_a_resumed_run(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    in_virtual_time(run_async(planned(FLOWS["maps in a row"]), {"rows": ROWS}, options=options(path)))
    kill(path, 9)
    in_virtual_time(resume_async("last", options=replace(options(path), model=None)))
    # The answers repeat, so some calls have the same question: only the whole run tells whose answer is whose.
    assert 0 < check(path) < 18


def test_a_call_of_a_resumed_run_with_a_question_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "j.db"

    def script(request: Json, number: int) -> Scripted:
        return Scripted(f"<{request.messages[-1].text}>", 1)

    in_virtual_time(run_async(planned(FLOWS["maps in a row"]), {"rows": ROWS}, options=options(path, script)))
    kill(path, 9)
    in_virtual_time(resume_async("last", options=replace(options(path, script), model=None)))
    assert check(path) == 18


def kill(path: Path, calls: int) -> None:
    """Cut a journal behind so many answers, as a killed run leaves it."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT number FROM records WHERE kind = 'answer' ORDER BY number").fetchall()
        connection.execute("DELETE FROM records WHERE number > ?", rows[calls - 1])
    connection.close()
    Path(f"{path}.head").unlink()


PLACES = ["out", "out.first", "nothing[1]", "out[x]", "out[1].reduce", "out[1].first.more"]


@pytest.mark.parametrize("path", PLACES)
def test_other_paths_need_the_whole_run(path: str) -> None:
    assert excerpt_of(planned(FLOWS["a map"]), {"rows": ROWS}, parse_path(path)) is None


def test_a_vote_over_the_elements_needs_them_all() -> None:
    text = 'flow f(rows: [text]) { out = map row in rows { ask "{{ row }}" -> a | b } reduce majority  return out }'
    assert excerpt_of(planned(text), {"rows": ["x", "y"]}, parse_path("out[1]")) is None


def test_the_needed_part_of_a_plan() -> None:
    plan: p.Plan = planned(FLOWS["maps in a row"])
    found = excerpt_of(plan, {"rows": ROWS}, parse_path("best[4].twice"))
    assert found is not None
    assert (found.wanted, dict(found.only)) == ("best[4].twice", {"best": 4, "short": 4, "drafts": 4})
    assert set(found.needed) == {"best[4].twice", "short[4]", "drafts[4]"}
    every = excerpt_of(planned(FLOWS["a step before, and one that takes all"]), {"rows": ROWS}, parse_path("out[1]"))
    assert every is not None
    assert (dict(every.only), set(every.needed)) == ({"out": 1}, {"out[1]", "drafts", "style"})


def test_places_under_a_path() -> None:
    assert all(under("a[1]", one) for one in ("a[1]", "a[1].b", "a[1][2]", "a[1]#2"))
    assert not any(under("a[1]", one) for one in ("a[10]", "a", "b.a[1]"))
    assert not under("a", "ab[1]")


def test_a_part_that_is_too_large_comes_without_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = planned(FLOWS["a step before, and one that takes all"])
    in_virtual_time(run_async(flow, {"rows": ROWS}, options=options(tmp_path / "j.db")))
    monkeypatch.setattr(run_records, "PART", 8)
    with JournalReader(tmp_path / "j.db", read_runs) as reader:
        part = read_part(reader, reader.index.named("last")[0], "out[3]")
        assert part is not None
        [call] = part.calls
        assert (call.place, call.request, call.state) == ("out[3].line 5", None, "answered")
        assert "--whole" in part.notes[0]


def checked_rows(monkeypatch: pytest.MonkeyPatch, path: Path, shown: str) -> int:
    """Count the rows that Python reads for one call."""
    count = 0
    read: Callable[..., Any] = records.checksum

    def counted(*args: Any) -> bytes:
        nonlocal count
        count += 1
        found: bytes = read(*args)
        return found

    with monkeypatch.context() as patched:
        patched.setattr("flowrun.runtime.journal.rows.checksum", counted)
        with JournalReader(path, read_runs) as reader:
            part = read_part(reader, reader.index.named("last")[0], shown)
    assert part is not None
    assert part.calls[0].request is not None
    return count


def test_one_call_reads_few_rows_however_large_the_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for size in (3, 60):
        rows = [{"id": f"c-{at}", "text": f"text {at}"} for at in range(size)]
        path = tmp_path / f"{size}.db"
        in_virtual_time(run_async(planned(FLOWS["maps in a row"]), {"rows": rows}, options=options(path)))
        counts.append(checked_rows(monkeypatch, path, "best[2].twice"))
    assert counts[0] == counts[1]


def test_rows_of_a_file_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is looked at checks only the row that it needs."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS * 2), encoding="utf-8")
    plan = planned(FLOWS["a map"])
    item = plan.params[0].type.item  # type: ignore[union-attr]
    rows = RowFile(file, item)
    in_virtual_time(run_async(plan, {"rows": rows}, options=options(tmp_path / "j.db")))
    monkeypatch.setattr(stored_rows, "BLOCK", 4)
    fitted: list[int] = []
    fit = RowFile._fitted

    def counted(*args: Any) -> Json:
        fitted.append(1)
        return fit(*args)

    monkeypatch.setattr(RowFile, "_fitted", counted)
    with JournalReader(tmp_path / "j.db", read_runs) as reader:
        part = read_part(reader, reader.index.named("last")[0], "out[2].last")
    assert part is not None
    assert part.calls[0].labels == ("c-2",)
    assert len(fitted) <= 4


def test_only_the_needed_elements_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_virtual_time(run_async(planned(FLOWS["maps in a row"]), {"rows": ROWS}, options=options(tmp_path / "j.db")))
    asked: list[str] = []
    ask = Replay.asked

    def noted(self: Replay, call: Any, frame: Any, read: Any) -> None:
        asked.append(call.place)
        ask(self, call, frame, read)

    monkeypatch.setattr(Replay, "asked", noted)
    with JournalReader(tmp_path / "j.db", read_runs) as reader:
        assert read_part(reader, reader.index.named("last")[0], "best[2].twice") is not None
    assert asked == ["drafts[2].line 2", "short[2].line 3", "best[2].twice"]
