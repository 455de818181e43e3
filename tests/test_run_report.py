"""`--report FILE` on a run: the page of a run that has just ended."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal.project import resume_command
from support.command_line import Ran, chat, command
from support.model_server import model_server

FLOW = """\
flow hello(name: text) {
  greeting = ask "Say hello to {{ name }}"
  return greeting
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "hello.flow").write_text(FLOW, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("server") / "log") as server:
        yield server.url


async def hello(project: Path, url: str, *arguments: str) -> Ran:
    given = ("hello.flow", "--name", "Ada", "--model", "openai:test", "--journal", "journal.db", *arguments)
    return await command(*given, folder=project, OPENAI_BASE_URL=url, OPENAI_API_KEY="none")


async def test_the_report_of_a_run_is_written_beside_its_answer(project: Path, url: str) -> None:
    ran = await hello(project, url, "--report", "calls.csv")
    assert ran.code == 0, ran.err
    assert "the report is in `calls.csv`" in ran.err
    [row] = csv.DictReader(io.StringIO((project / "calls.csv").read_text(encoding="utf-8")))
    assert (row["path"], row["state"], row["prompt"]) == ("greeting", "answered", "user: Say hello to Ada")
    assert row["answer"] == ran.out.strip()
    # The answer comes from the journal now, and the page of that run says so.
    again = await hello(project, url, "--report", "report.html", "--quiet")
    assert again.code == 0 and again.err == ""
    page = (project / "report.html").read_text(encoding="utf-8")
    assert "1 answer reused" in page and "<h1>hello " in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--report", "report.pdf"], "does not tell the form of the report"),
        (["--report", "-"], "--report needs the name of a file"),
        (["--report", "hello.flow"], "does not tell the form of the report"),
        (["--report", "a.csv", "-o", "./a.csv"], "--output and --report name one file"),
        (["--report", "none/report.html"], "there is no folder"),
    ],
)
async def test_a_report_that_cannot_be_written_is_refused_before_anything_is_sent(
    project: Path, url: str, arguments: list[str], told: str
) -> None:
    ran = await hello(project, url, *arguments)
    assert ran.code in (2, 74)
    assert told in ran.err
    assert ran.out == ""
    assert not (project / "journal.db").exists()


async def test_a_report_needs_a_journal(project: Path, url: str) -> None:
    given = ("hello.flow", "--name", "Ada", "--model", "openai:test", "--no-journal", "--report", "a.html")
    ran = await command(*given, folder=project, OPENAI_BASE_URL=url, OPENAI_API_KEY="none")
    assert ran.code == 2
    assert "leave out --no-journal" in ran.err


LOSSES = """\
flow notes(items: [text]) {
  notes = map item in items { ask "Note: {{ item }}" } reduce collect with errors: skip
  return notes
}
"""


@pytest.mark.parametrize(
    ("journal", "named"),
    [("journal.db", " --journal journal.db"), ("a b/.flowrun/j.db", " --journal 'a b/.flowrun/j.db'"), (None, "")],
)
async def test_the_page_of_a_resumed_run_names_its_journal(
    project: Path, faults: Any, journal: str | None, named: str
) -> None:
    faults.json(chat("A note."))
    faults.json({"error": {"message": "no such prompt"}}, status=400)
    (project / "notes.flow").write_text(LOSSES, encoding="utf-8")
    (project / "a b" / ".flowrun").mkdir(parents=True)
    given = [] if journal is None else ["--journal", journal]
    server = {"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": "none"}
    (project / "items.json").write_text('["one", "two"]', encoding="utf-8")
    asked = ("--items", "@items.json", "--model", "openai:test", *given)
    ran = await command("notes.flow", *asked, folder=project, **server)
    assert ran.code == 5, ran.err
    again = await command("resume", "last", *given, "--report", "report.html", folder=project, **server)
    assert "the report is in `report.html`" in again.err, again.err
    [line] = commands_of(project / "report.html")
    assert re.fullmatch(rf"flowrun resume [\w-]+{re.escape(named)}", line)
    told = await command(*line.split()[1:3], *given, folder=project, **server)
    assert told.code == 5 and "A note." in told.out
    table = await command("resume", "last", *given, "--report", "calls.csv", "-q", folder=project, **server)
    assert "report is in" not in table.err
    assert len((project / "calls.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--report", "report.pdf"], "does not tell the form of the report"),
        (["--report", "-"], "--report needs the name of a file"),
        (["--report", "a.csv", "-o", "./a.csv"], "--output and --report name one file"),
        (["--report", "none/report.html"], "there is no folder"),
        (["--report", "journal.db.html"], ""),
    ],
)
async def test_the_report_of_a_resume_is_checked_first(
    project: Path, url: str, arguments: list[str], told: str
) -> None:
    assert (await hello(project, url)).code == 0
    server = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
    ran = await command("resume", "last", "--journal", "journal.db", *arguments, folder=project, **server)
    assert told in ran.err
    assert (ran.code in (2, 74) and not ran.out) if told else ran.code == 0


def commands_of(page: Path) -> list[str]:
    """Return the commands under the losses of a page."""
    packed = re.search(r'id="data">([^<]*)</script>', page.read_text(encoding="utf-8"))
    assert packed
    data = gzip.decompress(base64.b64decode(packed[1]))
    size = int.from_bytes(data[:4], "little")
    head, codes = json.loads(data[4 : 4 + size]), data[4 + size :]
    assert len(head["words"]) < 128 and len(codes) == sum(head["counts"]), "each word has a code of one byte"
    words = iter(codes)
    texts = ["".join(head["words"][next(words)] for _ in range(count)) for count in head["counts"]]
    return [texts[cause["command"]] for cause in head["losses"]["causes"]]


def test_a_command_names_a_journal_that_is_not_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner, other = tmp_path / "project" / "inner", tmp_path / "other" / ".flowrun" / "journal.db"
    (tmp_path / "project" / ".git").mkdir(parents=True)
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert resume_command("7f3a", None) == "flowrun resume 7f3a"
    for own in (tmp_path / "project" / ".flowrun" / "journal.db", Path("../.flowrun/journal.db")):
        assert resume_command("7f3a", own) == "flowrun resume 7f3a"
    assert resume_command("7f3a", Path(".flowrun/journal.db")).endswith(" --journal .flowrun/journal.db")
    assert resume_command("7f3a", other).endswith(f" --journal {other}")
    assert resume_command("7f3a", Path("it's.db")) == "flowrun resume 7f3a --journal 'it'\"'\"'s.db'"
