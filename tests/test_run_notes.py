"""The notes of a run: what its Python functions gave and which files it read, once each, and without a wait."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.dispatch import run_notes
from flowrun.runtime.documents import row_file
from flowrun.runtime.files.files import Files
from flowrun.runtime.files.seen_files import MOST, seen
from flowrun.runtime.journal.notes import FileRead, bytes_of, extern_values, files_of
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.survey import read_runs
from flowrun.runtime.reads import quick
from support.extern_flows import own_modules as forgotten
from support.harness import scripted
from support.word_files import docx_of, para

MODULE = """
import asyncio


def size(text):
    if text == "bad":
        raise ValueError("no such size")
    return {"size": len(text), "big": "x" * 2_000_000 if text == "huge" else ""}


async def later(text):
    await asyncio.sleep(0.02)
    return text.upper()
"""
EXTERNS = """
extern later(text: text) -> text from "g_noted:later"
extern size(text: text) -> { size: int, big: text } from "g_noted:size"

flow f(texts: [text]) {
  out = map text in texts {
    found = size(text: text)
    loud = later(text: text)
    said = ask "{{ loud }} {{ found.size }}"
    said
  } reduce collect
  return out
}
"""
READS = """
flow f(paths: [text]) {
  out = map path in paths {
    text = file(path)
    said = ask "Say {{ text }}"
    said
  } reduce collect
  return out
}
"""


def options(tmp_path: Path, **more: Any) -> RunOptions:
    return RunOptions(
        model="scripted:m",
        opener=scripted(lambda request, number: str(len(request.messages[-1].text))),
        journal=tmp_path / "journal.db",
        environ={},
        learn=False,
        **more,
    )


async def ran(flow: Callable[[str], Path], text: str, tmp_path: Path, **values: Any) -> Any:
    return await run_async(flow(text), values, options=options(tmp_path, allow_python=True))


def files(tmp_path: Path) -> list[FileRead]:
    """The files that the last run read. Each content is also the one of the file's size and digest."""
    with JournalReader(tmp_path / "journal.db") as reader:
        found = files_of(reader, [*reader.index.runs.values()][-1])
        for one in found:
            data = bytes_of(reader, one)
            assert data is None or (len(data), hashlib.sha256(data).hexdigest()) == (one.size, one.sha256)
    return found


def content(tmp_path: Path, file: FileRead) -> bytes | None:
    with JournalReader(tmp_path / "journal.db", read_runs) as reader:
        return bytes_of(reader, file)


@pytest.fixture(autouse=True)
def own_modules() -> Any:
    with forgotten():
        yield


# Externs


async def test_values_and_errors_of_externs(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "g_noted.py").write_text(MODULE)
    await ran(flow, EXTERNS, tmp_path, texts=["abc", "huge"])
    await ran(flow, EXTERNS, tmp_path, texts=["bad"])
    with JournalReader(tmp_path / "journal.db") as reader:
        good, bad = (extern_values(reader, run) for run in reader.index.runs.values())
    assert set(good) == {"out[0].found", "out[0].loud", "out[1].found", "out[1].loud"}
    (first,), (loud,), (huge,) = (good[path] for path in ("out[0].found", "out[0].loud", "out[1].found"))
    assert (first.function, first.value, first.error) == ("size", {"size": 3, "big": ""}, "")
    assert (loud.function, loud.value) == ("later", "ABC")
    assert loud.began is not None
    assert loud.ended is not None
    assert 0 <= loud.began <= loud.ended - 19
    text = json.dumps({"size": 4, "big": "x" * 2_000_000}, separators=(",", ":"))
    assert (huge.value, huge.size, huge.sha256) == (None, len(text), hashlib.sha256(text.encode()).hexdigest())
    (failed,) = bad["out[0].found"]
    assert failed.value is None
    assert "no such size" in failed.error


async def test_the_times_of_a_resumed_run_go_on(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "g_noted.py").write_text(MODULE)
    await ran(flow, EXTERNS, tmp_path, texts=["abc"])
    await asyncio.sleep(0.05)
    again = RunOptions(opener=scripted(lambda request, number: "x"), environ={}, allow_python=True, learn=False)
    await resume_async("last", tmp_path / "journal.db", options=again)
    with JournalReader(tmp_path / "journal.db") as reader:
        (run,) = reader.index.runs.values()
        first, second = extern_values(reader, run)["out[0].found"]
    assert first.value == second.value
    assert first.ended is not None
    assert second.began is not None
    assert second.began >= first.ended + 50


# Files


async def test_each_file_is_noted_once_with_its_content(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one ä\r\n")
    (tmp_path / "b.txt").write_bytes("zwei".encode("utf-16"))
    (tmp_path / "c.docx").write_bytes(docx_of(para("three")))
    (tmp_path / "d.html").write_text("<p>four</p>")
    (tmp_path / "copy.md").write_bytes((tmp_path / "a.md").read_bytes())
    names = ["a.md", "b.txt", "c.docx", "d.html", "copy.md"]
    await ran(flow, READS, tmp_path, paths=[*names, *names])
    found = files(tmp_path)
    assert sorted(one.path for one in found) == sorted(names)
    for one in found:
        assert content(tmp_path, one) == (tmp_path / one.path).read_bytes()
    assert len({one.content for one in found}) == 4


async def test_a_resume_and_another_run_write_no_second_content(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one")
    await ran(flow, READS, tmp_path, paths=["a.md"])
    await resume_async("last", options=RunOptions(journal=tmp_path / "journal.db", opener=scripted(lambda *_: "x")))
    assert [one.path for one in files(tmp_path)] == ["a.md"]
    await ran(flow, READS, tmp_path, paths=["a.md"])
    assert [one.path for one in files(tmp_path)] == ["a.md"]
    with JournalReader(tmp_path / "journal.db") as reader:
        assert len(reader.index.contents) == 3, "a plan, the inputs and a file"


async def test_a_file_that_changes_is_noted_again(flow: Callable[[str], Path], tmp_path: Path) -> None:
    text = """
    flow f() {
      one = file("a.md")
      said = ask "Say {{ one }}"
      path = first(path: said)
      two = file(path)
      return two
    }
    extern first(path: text) -> text from "g_noted:first"
    """
    (tmp_path / "a.md").write_text("one")
    (tmp_path / "g_noted.py").write_text(
        "from pathlib import Path\ndef first(path):\n    Path(__file__).with_name('a.md').write_text('two')\n"
        "    return 'a.md'\n"
    )
    result = await ran(flow, text, tmp_path)
    assert result.value == "two"
    assert [content(tmp_path, one) for one in files(tmp_path)] == [b"one", b"two"]


async def test_a_pattern_is_noted_with_its_names(flow: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("x.md", "ä.md", "y.md", "z.txt"):
        (tmp_path / name).write_text(name)
    text = 'flow f() { all = files("*.md") said = ask "{{ all }}" return said }'
    await ran(flow, text, tmp_path)
    names, *others = files(tmp_path)
    assert (names.path, names.pattern) == ("*.md", True)
    assert json.loads(content(tmp_path, names) or b"") == ["x.md", "y.md", "ä.md"]
    assert [(one.path, one.pattern) for one in others] == [("x.md", False), ("y.md", False), ("ä.md", False)]


def test_an_estimate_of_a_read_is_no_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one")
    told: list[str] = []
    files = Files(tmp_path, seen=lambda path, found: told.append(path))
    assert quick.is_quick("files", {"pattern": "*.md"}, files)
    assert told == []
    assert files.glob("*.md") == ["a.md"]
    assert files.read_text("a.md") == "one"
    assert told == ["*.md", "a.md"]


async def test_a_run_remembers_a_bounded_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_notes, "_REMEMBERED", 3)
    with closing(Journal.open(tmp_path / "journal.db")) as journal:
        run = await journal.append([LogRecord(0, Kind.RUN, {"id": "r", "flow": "f", "source": "", "began": 1.0})])
        notes = run_notes.RunNotes(journal, run)
        for number in (1, 2, 1, 3, 4, 5, 5, 1):
            notes.saw(notes.records_of(seen(f"{number}.md", b"x")))
            assert len(notes._known or ()) <= 3
        await journal.append([LogRecord(run, Kind.END, {"status": "done", "ended": 2.0})])
        assert notes._waiting == 0
    assert [one.path for one in files(tmp_path)] == [f"{number}.md" for number in (1, 2, 3, 4, 5, 1)]


@pytest.mark.parametrize("function", ["lines", "jsonl", "csv"])
async def test_rows_of_a_file_are_noted(function: str, flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("n\n1\n2\n" if function != "jsonl" else "1\n2\n")
    await ran(flow, f'flow f() {{ rows = {function}("rows") said = ask "{{{{ rows }}}}" return said }}', tmp_path)
    (rows,) = files(tmp_path)
    assert content(tmp_path, rows) == (tmp_path / "rows").read_bytes()


async def test_the_child_process_tells_of_its_files(
    flow: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "is_quick", lambda *_: False)
    monkeypatch.setattr("flowrun.runtime.dispatch.read_pool.is_quick", lambda *_: False)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("small ä")
    (docs / "big.md").write_text("x" * (MOST + 1))
    (docs / "raw.html").write_bytes(b"<p>caf\xe9</p>")
    path = flow(
        'flow f() { all = files("docs/*.*") a = file("docs/big.md") said = ask "{{ all }}{{ a }}" return said }'
    )
    await run_async(path, {}, options=options(tmp_path))
    found = {one.path: one for one in files(tmp_path)}
    assert content(tmp_path, found["docs/a.md"]) == "small ä".encode()
    assert content(tmp_path, found["docs/raw.html"]) == b"<p>caf\xe9</p>"
    big = found["docs/big.md"]
    assert (big.size, big.content) == (MOST + 1, "")
    assert big.sha256 == hashlib.sha256(b"x" * (MOST + 1)).hexdigest()
    assert found["docs/*.*"].pattern


@pytest.mark.parametrize(
    ("path", "said"),
    [("none.md", "there is no file"), ("../out.md", "outside the flow's folder"), ("f", "is a folder")],
)
async def test_a_file_that_cannot_be_read_is_noted(
    path: str, said: str, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "f").mkdir()
    await ran(flow, READS, tmp_path, paths=[path])
    (one,) = files(tmp_path)
    assert one.path == path
    assert said in one.error
    assert (one.size, one.sha256, one.content) == (0, "", "")


async def test_a_large_file_is_noted_by_its_digest(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "just.md").write_text("x" * MOST)
    (tmp_path / "over.md").write_text("x" * (MOST + 1))
    await ran(flow, READS, tmp_path, paths=["just.md", "over.md"])
    found = {one.path: one for one in files(tmp_path)}
    assert found["just.md"].content
    assert not found["over.md"].content
    assert found["over.md"].size == MOST + 1


async def test_rows_that_stay_in_their_file_are_noted(
    flow: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text('"a"\n"b"\n')
    path = flow('flow f(rows: [text]) { out = map row in rows { ask "{{ row }}" } reduce collect return out }')
    from flowrun.dsl import types

    await run_async(path, {"rows": row_file.RowFile(data, types.TEXT)}, options=options(tmp_path))
    (rows,) = files(tmp_path)
    assert (rows.path, rows.size, rows.content) == (str(data), 8, "")
    assert rows.sha256 == hashlib.sha256(data.read_bytes()).hexdigest()


async def test_much_that_waits_for_the_disk_is_noted_without_its_content(
    flow: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_notes, "_WAITING", 0)
    (tmp_path / "a.md").write_text("one")
    await ran(flow, READS, tmp_path, paths=["a.md"])
    (one,) = files(tmp_path)
    assert (one.size, one.content) == (3, "")


KEY = "sk-proj-4fKq9Zt2Lw8Xb3Rv7Ym1"


@pytest.mark.parametrize("form", [KEY, f'{{"key": "{KEY}"}}', KEY.encode().hex(), f"<meta charset=latin-1>\xff {KEY}"])
async def test_no_note_carries_a_key(form: str, flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / ".env.html").write_bytes(f"A={form}".encode("latin-1"))
    (tmp_path / "b.md").write_text("no key")
    text = """
    extern own() -> text from "g_noted:own"
    flow f() {
      some = file("b.md")
      key = own()
      a = ask "{{ some }} {{ key }}"
      all = files(".e*")
      return "{{ a }} {{ all }}"
    }
    """
    (tmp_path / "g_noted.py").write_text(f"def own():\n    return {KEY!r}\n")
    given = RunOptions(
        model="scripted:m",
        opener=scripted(lambda request, number: "x"),
        journal=tmp_path / "journal.db",
        environ={"OTHER_API_KEY": KEY},
        allow_python=True,
        learn=False,
    )
    await run_async(flow(text), {}, options=given)
    found = {one.path: one for one in files(tmp_path)}
    assert content(tmp_path, found["b.md"]) == b"no key"
    assert found[".env.html"].content == ""
    assert found[".env.html"].sha256 == hashlib.sha256((tmp_path / ".env.html").read_bytes()).hexdigest()
    with JournalReader(tmp_path / "journal.db") as reader:
        (run,) = reader.index.runs.values()
        (value,) = extern_values(reader, run)["key"]
    assert (value.value, value.size) == (None, len(KEY) + 2)
    written = (tmp_path / "journal.db").read_bytes()
    assert KEY.encode() not in written
    assert KEY.encode().hex().encode() not in written


async def test_a_run_without_a_journal_notes_nothing(flow: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("one")
    path = flow(READS)
    result = await run_async(
        path, {"paths": ["a.md"]}, options=RunOptions(model="m", opener=scripted(lambda *_: "x"), environ={})
    )
    assert result.value == ["x"]
