"""No command writes over a file that a run has read, long after the run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli import run_command
from support.harness import scripted

FLOW = """\
flow told(letter: document, names: [text]) {
  style = file("style.csv")
  greetings = map name in names {
    ask "Greet {{ name }} as in {{ letter }} and {{ style }}"
  } reduce collect
  return greetings
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "told.flow").write_text(FLOW, encoding="utf-8")
    (tmp_path / "style.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "letter.html").write_text("<p>Dear all</p>", encoding="utf-8")
    (tmp_path / "names.json").write_text('["Ada", "Bob"]', encoding="utf-8")
    return tmp_path


def options() -> RunOptions:
    return RunOptions(
        model="openai:test",
        environ={"OPENAI_API_KEY": "none"},
        opener=scripted(lambda request, number: "Hello"),
        journal=Path("journal.db"),
        learn=False,
    )


@pytest.mark.parametrize("name", ["letter.html", "names.json", "style.csv", "told.flow", "journal.db"])
def test_no_command_writes_over_what_a_run_read(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given: dict[str, Any] = {"letter": Path("letter.html"), "names": Path("names.json")}
    assert asyncio.run(run_async("told.flow", given, options=options())).value == ["Hello", "Hello"]
    before = {one.name: one.read_bytes() for one in project.iterdir() if "journal" not in one.name}
    # A link is another name of the same file.
    (project / "link.html").symlink_to(name)
    for words in (
        ["report", "-o", name, "--format", "csv"],
        ["report", "-o", name, "--format", "chrome-trace"],
        ["report", "-o", "link.html"],
        ["journal", "export", "-o", name],
        ["resume", "last", "-o", name],
        ["resume", "last", "--report", "link.html"],
    ):
        assert run_command([*words, "--journal", "journal.db"]) == 2, words
        assert "Traceback" not in capsys.readouterr().err
        assert before == {one: (project / one).read_bytes() for one in before}
        assert (project / "journal.db").read_bytes().startswith(b"SQLite format 3")


def test_a_folder_of_pages_leaves_a_file_that_a_run_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "index.html").write_text("Dear all", encoding="utf-8")
    given: dict[str, Any] = {"letter": Path("index.html"), "names": ["Ada"]}
    asyncio.run(run_async("told.flow", given, options=options()))
    assert run_command(["report", "--all", "-o", ".", "--journal", "journal.db"]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert (project / "index.html").read_text(encoding="utf-8") == "Dear all"


def test_the_command_line_keeps_its_inputs_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = "flow plain(letter: document) {\n  return letter\n}\n"
    (project / "plain.flow").write_text(flow, encoding="utf-8")
    run_command(["plain.flow", "--letter", "letter.html", "--journal", "journal.db"])
    capsys.readouterr()
    assert run_command(["runs", "--json", "--journal", "journal.db"]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 1
    assert run_command(["report", "-o", "letter.html", "--journal", "journal.db"]) == 2
    assert "not overwritten" in capsys.readouterr().err
