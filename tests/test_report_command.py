"""`flowrun report`: the files that it writes, and its sentences about those that it cannot write."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime import replay
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.cli.report import command
from flowrun.runtime.journal.index import Run
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.pages.run_index import page_names
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.errors import DiskError, FlowrunError, UsageError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.harness import scripted
from support.page_records import call_of, review, run_of
from support.patience import PATIENCE

FLOW = """\
flow hello(name: text) {
  greeting = ask "Say hello to {{ name }}"
  return greeting
}
"""
Report = Callable[..., Result]


async def ran(folder: Path, *names: str) -> None:
    """Run a flow for each name, with a scripted model."""
    (folder / "hello.flow").write_text(FLOW, encoding="utf-8")
    for name in names:
        options = RunOptions(
            model="openai:test",
            environ={"OPENAI_API_KEY": "none"},
            opener=scripted(lambda request, n: "=1+1"),
            journal=folder / "journal.db",
            learn=False,
        )
        await run_async(folder / "hello.flow", {"name": name}, options=options)


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    await ran(tmp_path, "Ada", "Bob")
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each run of a journal a record that was made by hand."""

    def read_run(reader: JournalReader, run: Run) -> RunRecord:
        calls = [call_of("greeting", answer="=1+1")]
        return run_of(calls, id=run.id, status=run.status or "killed", value="=1+1", began=run.began, ended=run.ended)

    monkeypatch.setattr(replay, "read_run", read_run)
    monkeypatch.setattr(replay, "calls_of", lambda reader, run: read_run(reader, run).calls)


@pytest.fixture
def report(project: Path, made: None, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(project)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--journal", "journal.db"], standalone_mode=False)

    return call


def complaint(result: Result, kind: type[FlowrunError]) -> str:
    assert type(result.exception) is kind, result.exception
    return str(result.exception)


def ids(project: Path) -> list[str]:
    with JournalReader(project / "journal.db") as reader:
        return [run.id for run in reader.index.runs.values()]


def test_the_page_of_the_last_run_is_written(report: Report, project: Path) -> None:
    result = report("-o", "report.html")
    assert result.exception is None
    last = ids(project)[-1]
    assert result.stderr == f"the report of {last} is in `report.html`\n"
    assert f"hello {last}" in (project / "report.html").read_text(encoding="utf-8") or last in result.stderr
    first = report(ids(project)[0], "-o", "first.html")
    assert ids(project)[0] in (project / "first.html").read_text(encoding="utf-8")
    assert first.exception is None


@pytest.mark.parametrize(
    ("name", "start"), [("a.html", "<!doctype"), ("a.HTM", "<!doctype"), ("a.json", "{"), ("a.csv", "path,")]
)
def test_the_ending_tells_the_form(report: Report, project: Path, name: str, start: str) -> None:
    assert report("-o", name).exception is None
    assert (project / name).read_text(encoding="utf-8").startswith(start)


def test_a_form_is_chosen_beside_the_ending(report: Report, project: Path) -> None:
    assert report("-o", "a.txt", "--format", "csv").exception is None
    rows = list(csv.DictReader(io.StringIO((project / "a.txt").read_text(encoding="utf-8"))))
    assert rows[0]["answer"] == "'=1+1"
    assert "cannot" not in rows[0]["answer"]
    assert complaint(report("-o", "a.pdf"), UsageError) == (
        "the name `a.pdf` does not tell the form of the report; end it in .html, .json (a Chrome trace) or .csv, or "
        "add --format"
    )


def test_standard_output_takes_a_report(report: Report) -> None:
    result = report("-o", "-", "--format", "chrome-trace")
    assert json.loads(result.stdout)["otherData"]["flow"] == "review"
    assert result.stderr == ""


def test_texts_are_left_out(report: Report, project: Path) -> None:
    for name in ("a.csv", "a.json"):
        assert report("-o", name, "--without-texts").exception is None
        assert "=1+1" not in (project / name).read_text(encoding="utf-8")


def test_a_run_that_is_not_there_is_named(report: Report) -> None:
    assert "has no run `nosuch`" in complaint(report("nosuch", "-o", "a.html"), UsageError)
    assert "has no run" in complaint(report("", "-o", "a.html"), UsageError)


def test_a_journal_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        command, ["--journal", str(tmp_path / "none.db"), "-o", "a.html"], standalone_mode=False
    )
    assert "there is no journal" in complaint(result, UsageError)


@pytest.mark.parametrize("name", ["hello.flow", "journal.db"])
def test_what_a_run_read_is_not_overwritten(report: Report, project: Path, name: str) -> None:
    before = (project / name).read_bytes()
    assert "not overwritten" in complaint(report("-o", name, "--format", "html"), UsageError)
    os.symlink(project / name, project / "link.html")
    assert "not overwritten" in complaint(report("-o", "link.html"), UsageError)
    assert (project / name).read_bytes() == before


def test_paths_that_cannot_be_written_are_refused(report: Report, project: Path) -> None:
    (project / "folder.html").mkdir()
    assert "is a folder" in complaint(report("-o", "folder.html"), DiskError)
    assert "there is no folder" in complaint(report("-o", "none/report.html"), DiskError)
    (project / "fixed.html").write_text("mine", encoding="utf-8")
    (project / "fixed.html").chmod(0o444)
    assert "read-only" in complaint(report("-o", "fixed.html"), DiskError)
    assert (project / "fixed.html").read_text(encoding="utf-8") == "mine"


def test_a_pipe_gets_the_report(report: Report, project: Path) -> None:
    os.mkfifo(project / "pipe.html")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((project / "pipe.html").read_text(encoding="utf-8")))
    reader.start()
    assert report("-o", "pipe.html").exception is None
    reader.join(PATIENCE)
    assert got[0].endswith("</html>\n")


def test_all_runs_have_pages_and_an_index(report: Report, project: Path) -> None:
    result = report("--all", "-o", "reports/")
    assert result.exception is None
    assert result.stderr == "2 pages and index.html are in `reports`\n"
    first, second = ids(project)
    assert {one.name for one in (project / "reports").iterdir()} == {f"{first}.html", f"{second}.html", "index.html"}
    index = (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert 0 < index.index(f'href="{second}.html"') < index.index(f'href="{first}.html"')
    assert "<td>done</td>" in index and "$0.000214" in index
    # The second time, the pages are replaced.
    assert report("--all", "-o", "reports").exception is None


def test_a_run_without_a_page_stays_in_the_index(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ids(project)
    read = replay.read_run

    def fails(reader: JournalReader, run: Run) -> RunRecord:
        if run.id == first:
            raise DiskError("the plan of this run is of another version")
        return read(reader, run)

    monkeypatch.setattr(replay, "read_run", fails)
    result = report("--all", "-o", "reports")
    assert result.return_value == 5
    assert f"the run {first} has no page: the plan" in result.stderr
    index = (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert "no page: the plan of this run is of another version" in index
    assert f'href="{second}.html"' in index and f'href="{first}.html"' not in index


def test_no_page_is_written_where_a_later_one_is_refused(report: Report, project: Path) -> None:
    first, second = ids(project)
    folder = project / "reports"
    (folder / f"{second}.html").mkdir(parents=True)
    assert "is a folder" in complaint(report("--all", "-o", "reports"), DiskError)
    assert [one.name for one in folder.iterdir()] == [f"{second}.html"]
    (folder / f"{second}.html").rmdir()
    (folder / "index.html").symlink_to(project / "hello.flow")
    assert "not overwritten" in complaint(report("--all", "-o", "reports"), UsageError)
    assert [one.name for one in folder.iterdir()] == ["index.html"]
    (folder / "index.html").unlink()
    (folder / f"{first}.html").symlink_to(project / "journal.db")
    assert "not overwritten" in complaint(report("--all", "-o", "reports"), UsageError)
    assert [one.name for one in folder.iterdir()] == [f"{first}.html"]


def test_the_pages_of_runs_have_names_of_their_own() -> None:
    names = page_names(["index", "INDEX", "7f", "7F", "7F-2", "../up", "x" * 300, "x" * 301, "\udc00", ".."])
    assert len({one.lower() for one in [*names, "index.html"]}) == 11
    assert names[:2] == ["index-2.html", "INDEX-3.html"] and names[2] == "7f.html"
    assert all("/" not in one and len(one) < 255 and one.endswith(".html") for one in names)


def test_a_run_with_the_name_of_the_index_has_a_page(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader_of = JournalReader.__init__

    def renamed(self: JournalReader, *given: Any) -> None:
        reader_of(self, *given)
        next(iter(self.index.runs.values())).id = "index"

    monkeypatch.setattr(JournalReader, "__init__", renamed)
    assert report("--all", "-o", "reports").exception is None
    index = (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'href="index-2.html"' in index and "<h1>Runs</h1>" in index
    assert "<title>review index" in (project / "reports" / "index-2.html").read_text(encoding="utf-8")


def test_all_runs_go_into_a_folder(report: Report, project: Path) -> None:
    assert "name a folder" in complaint(report("--all"), UsageError)
    assert "name a folder" in complaint(report("--all", "-o", "-"), UsageError)
    assert "leave out RUN" in complaint(report("last", "--all", "-o", "reports"), UsageError)
    assert "not csv" in complaint(report("--all", "-o", "reports", "--format", "csv"), UsageError)
    (project / "file").write_text("", encoding="utf-8")
    assert "is a file, not a folder" in complaint(report("--all", "-o", "file"), DiskError)
    assert "cannot be made" in complaint(report("--all", "-o", "file/reports"), DiskError)


def test_a_terminal_wants_a_file(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    import flowrun.runtime.cli.report as module

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    with pytest.raises(UsageError, match="the report needs a file: give it one with -o"):
        module.form_of(None)
    assert module.form_of(Path("-")) == "html"


def test_the_real_record_of_a_run_makes_a_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    for name in ("a.html", "a.csv", "a.json"):
        result = CliRunner().invoke(command, ["-o", name, "--journal", "journal.db"], standalone_mode=False)
        assert result.exception is None
    rows = list(csv.DictReader(io.StringIO((project / "a.csv").read_text(encoding="utf-8"))))
    assert [(row["path"], row["prompt"], row["answer"]) for row in rows] == [
        ("greeting", "user: Say hello to Bob", "'=1+1")
    ]


def test_a_trace_draws_every_attempt_at_its_endpoint() -> None:
    from flowrun.runtime.pages.chrome_trace import chrome_trace

    record = review()
    trace = json.loads("".join(chrome_trace(record)))
    slices = [one for one in trace["traceEvents"] if one["ph"] == "X"]
    sent = [one for call in record.calls for one in call.attempts if one.began is not None]
    assert len(slices) == len(sent)
    names = {one["pid"]: one["args"]["name"] for one in trace["traceEvents"] if one["name"] == "process_name"}
    assert sorted(names.values()) == ["anthropic:claude-haiku", "https://api.example.net/v1"]
    lanes: dict[tuple[int, int], int] = {}
    for one in sorted(slices, key=lambda one: int(one["ts"])):
        assert one["ts"] >= lanes.get((one["pid"], one["tid"]), 0), "two slices of a lane overlap"
        lanes[one["pid"], one["tid"]] = one["ts"] + one["dur"]
    starts = {one["id"]: one for one in trace["traceEvents"] if one["ph"] == "s"}
    ends = {one["id"]: one for one in trace["traceEvents"] if one["ph"] == "f"}
    assert starts.keys() == ends.keys() and len(starts) > 12
    for at in (*starts.values(), *ends.values()):
        assert any(
            (one["pid"], one["tid"]) == (at["pid"], at["tid"]) and one["ts"] <= at["ts"] <= one["ts"] + one["dur"]
            for one in slices
        )


def test_each_line_of_a_table_comes_with_its_call() -> None:
    from flowrun.runtime.pages.calls_csv import calls_csv

    taken: list[int] = []

    def calls() -> Iterator[CallRecord]:
        for n in range(3):
            taken.append(n)
            yield call_of(f"notes[{n}].draft")

    lines = calls_csv(review().plan, calls())
    assert next(lines).startswith("path,place,") and taken == []
    assert next(lines).startswith("notes[0].draft,") and taken == [0]
    assert len([*lines]) == 2


def test_a_journal_that_fails_midway_leaves_the_file_as_it_was(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(reader: JournalReader, run: Run) -> Iterator[CallRecord]:
        yield call_of("greeting")
        raise DiskError("the disk is gone")

    assert report("-o", "a.csv").exception is None
    before = (project / "a.csv").read_bytes()
    monkeypatch.setattr(replay, "calls_of", fails)
    names = sorted(project.iterdir())
    assert complaint(report("-o", "a.csv"), DiskError) == "the disk is gone"
    assert (project / "a.csv").read_bytes() == before and sorted(project.iterdir()) == names
