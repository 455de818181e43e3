"""Inputs from Python: a text that is the path of a file is no document, and what a reader assumed is told."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run, run_async
from flowrun.runtime.documents import fitting
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import InputError
from support.command_line import command

FLOW = """\
type Row = { id: int, doc: document? }
flow f(doc: document = "none", docs: [document] = [], rows: [Row] = [], note: text = "", data: json = 1) {
  return { doc, docs, rows, note, data }
}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("report.md").write_text("# The report")
    (tmp_path / "beside.md").write_text("beside")
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


PATHS: dict[str, dict[str, Any]] = {
    "relative": {"doc": "report.md"},
    "with a dot": {"doc": "./report.md"},
    "in a list": {"docs": ["a text", "report.md"]},
    "in a row": {"rows": [{"id": 1, "doc": "report.md"}]},
}


@pytest.mark.parametrize("given", PATHS.values(), ids=PATHS)
def test_the_path_of_a_file_is_no_text(path: Path, given: dict[str, Any]) -> None:
    name = next(iter(given))
    with pytest.raises(InputError, match=re.escape(f"`{name}`: the text `")) as caught:
        run(path, **given)
    for words in ("is the path of a file", "pathlib.Path('", "end it with a line break"):
        assert words in str(caught.value)


def test_an_absolute_path_is_no_text(path: Path) -> None:
    with pytest.raises(InputError, match="is the path of a file"):
        run(path, doc=str(Path("report.md").absolute()))


def test_texts_and_files(path: Path) -> None:
    given: dict[str, Any] = {
        "doc": Path("report.md"),
        "docs": ["report.md\n", "gone.md", Path("report.md"), "", "here\n./report.md"],
    }
    found = run(path, **given, note="report.md", data="report.md").value
    assert found["doc"] == "# The report"
    assert found["docs"] == ["report.md\n", "gone.md", "# The report", "", "here\n./report.md"]
    assert (found["note"], found["data"]) == ("report.md", "report.md")
    for text in ("x" * 5000, "a\0b", "\ud800"):
        assert run(path, docs=[]).ok
        if text != "\ud800":
            assert run(path, doc=text).value["doc"] == text


def test_a_file_beside_the_flow_is_told_of(path: Path) -> None:
    result = run(path, doc="beside.md")
    assert result.value["doc"] == "beside.md"
    (line,) = result.summary.notices
    assert line.startswith(
        "`doc`: `beside.md` is sent as a text; for the content of the file in the flow's folder write"
    )


@pytest.mark.parametrize("docs", ["docs.json", '["report.md"]'])
async def test_paths_in_a_list_of_documents_of_the_command(path: Path, docs: str) -> None:
    folder = path.parent / "here"
    (folder / "docs.json").write_text('["report.md"]')
    ran = await command("../f.flow", "--docs", docs, "--no-journal", folder=folder)
    assert ran.code == 2
    assert "`docs`: the text `report.md` is the path of a file" in ran.err


async def test_files_are_not_read_on_the_loop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[threading.Thread] = []
    plain = fitting.fit

    def fit(*args: Any, **options: Any) -> Any:
        read.append(threading.current_thread())
        return plain(*args, **options)

    monkeypatch.setattr("flowrun.runtime.inputs.inputs.fit", fit)
    await run_async(path, {"docs": ["x", Path("report.md")]})
    assert read
    assert threading.main_thread() not in read
    read.clear()
    await run_async(path, {"docs": ["x"]})
    assert set(read) == {threading.main_thread()}


async def test_what_a_reader_assumed_is_told(tmp_path: Path) -> None:
    flow = tmp_path / "t.flow"
    flow.write_text('flow t(rows: json) { own = csv("t.csv") return { rows, own } }\n')
    (tmp_path / "t.csv").write_text("text\nHello, world\n")
    seen: list[e.Event] = []
    result = await run_async(flow, {"rows": tmp_path / "t.csv"}, options=RunOptions(on_event=(seen.append,)))
    assert result.value["rows"] == result.value["own"] == [{"text": "Hello, world"}]
    told = [event.text for event in seen if isinstance(event, e.Notice)]
    assert told == result.summary.notices
    assert len(told) == 2
    assert all("flowrun reads it as a single column" in line for line in told)
    ran = await command("t.flow", "--rows", "t.csv", "--no-journal", folder=tmp_path)
    assert ran.err.count("flowrun reads it as a single column") == 2
    assert (
        "flowrun reads it as"
        not in (await command("t.flow", "--rows", "t.csv", "-q", "--no-journal", folder=tmp_path)).err
    )
    assert "flowrun reads it as" in (await command("plan", "t.flow", "--rows", "t.csv", folder=tmp_path)).err
