"""Journals of every format are read and resumed; a newer one is refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.cli import run_command
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.recorded_beginning import recorded_beginning
from flowrun.runtime.journal.records import FORMAT, Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.survey import read_runs
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import DiskError
from support.old_journals import FORMATS, Row, lay_out, old_rows, version_of
from support.written import read_journal

SUMMARIES = """flow summaries(notes: [text], tone: text = "plain") {
  out = map note in notes {
    draft = ask "Draft {{ note }} in a {{ tone }} tone"
    polished = ask "Polish {{ draft }}"
    polished
  } reduce collect
  return out
}
"""
PEOPLE = [{"id": number, "name": f"N{number}"} for number in range(4)]


def told(prompt: str) -> str:
    return f"<{prompt}>"


def polished(*notes: str, tone: str = "plain") -> list[str]:
    return [told(f"Polish {told(f'Draft {note} in a {tone} tone')}") for note in notes]


# The journal, the value of its last run, the prompts that its resume sends, and the answers of its runs before.
OLD: list[tuple[str, Any, list[str], list[int]]] = [
    ("done", polished("one", "four", tone="warm"), [], [6, 4]),
    (
        "killed",
        polished("one", "two", "three"),
        [
            *(f"Draft {note} in a plain tone" for note in ("two", "three")),
            *(f"Polish <Draft {note} in a plain tone>" for note in ("one", "two", "three")),
        ],
        [1],
    ),
    ("spoilt", "ham", [], [3]),
    ("votes", "spam", [], [3]),
    ("rows", [told(f"Greet N{number}") for number in range(4)], [f"Greet N{number}" for number in (1, 2, 3)], [1]),
]


def opener(asked: list[str]) -> Callable[[str, Any], ScriptedProvider]:
    def answer(request: Request, number: int) -> str:
        asked.append(request.messages[-1].text)
        return told(asked[-1])

    return lambda model, around: ScriptedProvider(answer, model=model)


def options(asked: list[str], **more: Any) -> RunOptions:
    return RunOptions(opener=opener(asked), environ={}, learn=False, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "people.jsonl").write_text("".join(json.dumps(one) + "\n" for one in PEOPLE))
    return tmp_path


def old(name: str, folder: Path) -> Path:
    return lay_out(folder / "journal.db", old_rows(f"format_1/{name}", folder))


def test_every_old_journal_is_tested() -> None:
    assert {name for name, *_ in OLD} == {path.stem for path in (FORMATS / "format_1").iterdir()}


@pytest.mark.parametrize(("name", "value", "sent", "answers"), OLD, ids=[one[0] for one in OLD])
async def test_an_old_journal_is_listed_and_resumed(
    name: str, value: Any, sent: list[str], answers: list[int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = old(name, folder)
    assert run_command(["runs", "--journal", str(path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert [row["answers"] for row in rows] == answers
    assert version_of(path) == 0, "reading leaves the file as it is"
    asked: list[str] = []
    for _ in range(2):
        result = await resume_async("last", path, options=options(asked))
        assert result.value == value
    assert sorted(asked) == sorted(sent), "what is answered is never sent again"
    assert version_of(path) == FORMAT
    index = read_journal(path)
    assert [run.status for run in index.runs.values()] == ["done"] * len(answers)
    assert index.paid.count == sum(answers) + len(sent)


async def test_an_old_journal_grows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, asked = old("done", folder), list[str]()
    (folder / "f.flow").write_text(SUMMARIES)
    for notes in (["two", "five"], ["two", "five"], ["five"]):
        result = await run_async(
            folder / "f.flow", {"notes": notes}, options=options(asked, model="scripted:m", journal=path)
        )
        assert result.value == polished(*notes)
    assert asked == ["Draft five in a plain tone", "Polish <Draft five in a plain tone>"]
    with JournalReader(path) as reader:
        assert len(reader.index.contents) == 3
        plans = [recorded_beginning(reader, run).plan["flow"] for run in reader.index.runs.values()]
        given: list[object] = [recorded_beginning(reader, run).inputs["notes"] for run in reader.index.runs.values()]
    assert plans == ["summaries"] * 5
    assert given[1:] == [["one", "four"], ["two", "five"], ["two", "five"], ["five"]]
    assert run_command(["runs", "--journal", str(path)]) == 0
    assert capsys.readouterr().out.count("done") == 5


@pytest.mark.parametrize("read", [None, read_runs])
def test_the_beginning_of_an_old_run(folder: Path, read: Any) -> None:
    with JournalReader(old("rows", folder), *([read] if read else [])) as reader:
        given = recorded_beginning(reader, next(iter(reader.index.runs.values())))
        assert json.loads(given.plan_text) == given.plan
        assert given.plan["flow"] == "greetings"
        assert given.inputs == {}
        assert given.files["rows"]["path"] == str(folder / "people.jsonl")
        assert given.settings["model"] == "scripted:m"
        assert given.models == {}


async def test_a_resume_writes_the_places_that_an_old_run_lacks(folder: Path) -> None:
    path = old("killed", folder)
    await resume_async("last", path, options=options([]))
    with JournalReader(path) as reader:
        run = next(iter(reader.index.runs.values()))
        assert recorded_beginning(reader, run).first_models == {}
        assert recorded_beginning(reader, run).models["scripted:m"].name == "scripted:m"


def test_changed_rows_of_an_old_run_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = old("rows", folder)
    (folder / "people.jsonl").write_text(json.dumps({"id": 1, "name": "Other"}) + "\n")
    assert run_command(["resume", "last", "--journal", str(path)]) == 2
    err = capsys.readouterr().err
    assert "people.jsonl" in err
    assert "has changed since the run began" in err


@pytest.mark.parametrize("name", [one[0] for one in OLD])
def test_what_an_old_row_did_not_keep_is_not_recorded(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = ["--journal", str(old(name, folder))]
    assert run_command(["show", "last", "--json", *journal]) == 0
    calls = [one for one in json.loads(capsys.readouterr().out)["calls"] if one["attempts"]]
    assert calls
    for call in calls:
        assert call["ms"] is None
        for attempt in call["attempts"]:
            assert [attempt[field] for field in ("began", "ended", "waited")] == [None, None, None]
        for answer in call["answers"]:
            assert (answer["served"], answer["id"]) == (None, None)
            assert [answer["tokens"][one] for one in ("cached", "stored", "reasoning")] == [None, None, None]
    answered = next(one for one in calls if one["answers"])
    assert run_command(["show", "last", answered["path"], *journal]) == 0
    out = capsys.readouterr().out
    for line in (
        "served by not recorded",
        "time      not recorded",
        "its times and what it waited for are not recorded",
    ):
        assert line in out
    assert " 0 ms" not in out


# Newer journals

LATER = "CREATE TABLE records (number INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT"
NOTES = ("--notes", '["a"]')
COMMANDS = (("runs",), ("runs", "--json"), ("resume", "last"), ("plan", "f.flow", *NOTES), ("f.flow", *NOTES))


def no_rows() -> Iterator[Row]:
    return iter(())


def newer(folder: Path, how: str) -> Path:
    path = folder / "journal.db"
    if how == "version":
        return lay_out(path, old_rows("format_1/done", folder), FORMAT + 1)
    if how == "table":
        return lay_out(path, no_rows(), FORMAT + 7, LATER)
    rows = [*old_rows("format_1/done", folder)]
    number, run, *_ = rows[-1]
    return lay_out(path, iter([*rows, (number + 1, run, "image", b"", "", "{}")]), FORMAT)


@pytest.mark.parametrize("how", ["version", "table", "kind"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_a_newer_journal(
    how: str,
    words: tuple[str, ...],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    (folder / "f.flow").write_text(SUMMARIES)
    path = newer(folder, how)
    before = path.read_bytes()
    named = [str(folder / word) if word == "f.flow" else word for word in words]
    code = run_command([*named, "--journal", str(path), *(("--model", "openai:m") if "f.flow" in words else ())])
    err = capsys.readouterr().err
    if how == "kind" and words[0] == "plan":
        assert code == 0, "it needs nothing but the answers, and they are as ever"
        return
    assert code not in (0, 1)
    assert "was written by a newer version of flowrun" in err
    assert "Update flowrun" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize("how", ["version", "table", "kind"])
async def test_python_refuses_a_newer_journal(how: str, folder: Path) -> None:
    (folder / "f.flow").write_text(SUMMARIES)
    path, asked = newer(folder, how), list[str]()
    before = path.read_bytes()
    with pytest.raises(DiskError, match="newer version of flowrun"):
        await run_async(folder / "f.flow", {"notes": ["a"]}, options=options(asked, model="scripted:m", journal=path))
    with pytest.raises(DiskError, match="newer version of flowrun"):
        await resume_async("last", path, options=options(asked))
    with pytest.raises(DiskError, match="newer version of flowrun"):
        JournalReader(path, read_runs)
    assert not asked
    assert path.read_bytes() == before


def test_a_new_journal_has_its_format(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path / "journal.db")):
        pass
    assert version_of(tmp_path / "journal.db") == FORMAT == 2


async def test_a_row_about_a_submission_that_belongs_to_no_run_hides_no_run(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.db")
    body = {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0}
    await journal.append([LogRecord(0, Kind.RUN, body)])
    await journal.append([LogRecord(2, Kind.SUBMISSION, {"tag": "t", "id": "batch-1"})])
    with pytest.raises(ValueError, match="a row of the kind submission belongs to no run"):
        await journal.append([LogRecord(0, Kind.SUBMISSION, {"tag": "t", "id": "batch-1"})])
    journal.close()
    with JournalReader(tmp_path / "j.db", read_runs) as reader:
        assert [one.id for one in reader.index.runs.values()] == ["r1"]
