"""`--report FILE` on a run: the page of a run that has just ended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import Ran, command
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


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with model_server(tmp_path / "log") as server:
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
