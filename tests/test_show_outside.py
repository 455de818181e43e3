"""`show` of what a run took from outside: the values of its Python functions, and the files that it read."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli import run_command
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.pages.page import report_page
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.replay import read_run
from support.extern_flows import own_modules

FLOW = """
extern size(text: text) -> int from "g_outside:size"
extern large(text: text) -> text from "g_outside:large"

flow f(names: [text]) {
  guide = file("guide.txt")
  found = files("*.txt")
  n = size(text: guide)
  big = large(text: guide)
  out = map name in names {
    k = size(text: name)
    own = file(name)
    ask "Say {{ name }} {{ k }} {{ n }} {{ own }}"
  } reduce collect with errors: skip
  return { out, count: length(found), big: length(big) }
}
"""
MODULE = """
def size(text):
    if text == "three.txt":
        raise ValueError("three is \\x1b[31m wrong")
    return len(text)


def large(text):
    return "x" * 2_000_000
"""
GUIDE = "The guide.\n\x1b[31mred\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g_outside.py").write_text(MODULE)
    (tmp_path / "guide.txt").write_text(GUIDE)
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "two.txt").write_text("2" * 2_000_000)
    (tmp_path / "three.txt").write_text("3")
    (tmp_path / "f.flow").write_text(FLOW)
    path = tmp_path / "j.db"
    options = RunOptions(
        model="scripted:m",
        journal=path,
        allow_python=True,
        learn=False,
        opener=lambda name, around: ScriptedProvider(lambda request, number: "ok", model=name),
    )
    result = asyncio.run(
        run_async(tmp_path / "f.flow", {"names": ["one.txt", "two.txt", "three.txt"]}, options=options)
    )
    assert result.status in ("done", "partial")
    return path


def shown(capsys: pytest.CaptureFixture[str], journal: Path, *words: str) -> str:
    assert run_command(["show", "last", *words, "--journal", str(journal)]) == 0
    return capsys.readouterr().out


def as_json(capsys: pytest.CaptureFixture[str], journal: Path, *words: str) -> Any:
    return json.loads(shown(capsys, journal, *words, "--json"))


def test_a_run_counts_what_it_took_from_outside(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, journal)
    told = f"from outside: {len(found['externs'])} values of Python functions, {len(found['files'])} files read;"
    assert told in shown(capsys, journal)
    assert [one["path"] for one in found["externs"]].count("n") == 1
    assert {"guide.txt", "*.txt", "one.txt", "two.txt"} <= {one["path"] for one in found["files"]}


def test_the_value_of_an_extern_is_shown(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, journal, "n")
    assert "── n = size(…)\ntime      " in out
    assert out.splitlines()[-1] == str(len(GUIDE))
    assert shown(capsys, journal, "out.0.k").splitlines()[-1] == "7"
    assert "── out[0].k" not in shown(capsys, journal, "out.1")
    [one] = as_json(capsys, journal, "out[1].k")["externs"]
    assert (one["path"], one["function"], one["value"], one["error"]) == ("out[1].k", "size", 7, None)
    assert one["ended"] >= one["began"] >= 0


def test_the_error_and_the_large_value_of_an_extern(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, journal, "out.2.k")
    assert "three is" in out
    assert "\x1b" not in out
    [one] = as_json(capsys, journal, "big")["externs"]
    text = json.dumps("x" * 2_000_000)
    assert (one["value"], one["size"]) == (None, len(text))
    assert one["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert one["sha256"] in shown(capsys, journal, "big")


def test_the_files_of_a_step_are_shown(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, journal, "guide")
    assert "── file guide.txt" in out
    assert "The guide." in out
    assert "\x1b" not in out
    assert "one.txt" not in out
    [one] = as_json(capsys, journal, "guide")["files"]
    assert one["content"] == GUIDE
    assert one["size"] == len(GUIDE)
    assert one["sha256"] == hashlib.sha256(GUIDE.encode()).hexdigest()
    [pattern] = as_json(capsys, journal, "found")["files"]
    assert (pattern["pattern"], pattern["content"]) == (True, "guide.txt\none.txt\nthree.txt\ntwo.txt")


def test_a_step_that_computes_a_path_has_the_files_that_no_step_names(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {one["path"]: one for one in as_json(capsys, journal, "out")["files"]}
    assert found.keys() == {"one.txt", "two.txt", "three.txt"}
    assert found["one.txt"]["content"] == "1"
    assert (found["two.txt"]["content"], found["two.txt"]["size"]) == (None, 2_000_000)
    assert "content   not shown" in shown(capsys, journal, "out")


def test_the_page_has_them(journal: Path) -> None:
    with JournalReader(journal) as reader:
        record = read_run(reader, next(iter(reader.index.runs.values())))
    page, bare = report_page(record), report_page(record, texts=False)
    assert "<summary>n = size(…)" in page
    assert f"<pre>{len(GUIDE)}</pre>" in page
    assert f"<summary>file guide.txt, {len(GUIDE)} B, SHA-256 " in page
    assert "<pre>The guide.\n" in page
    for text in (page, bare):
        assert "5 values of Python functions, 5 files read" in text
        assert "\x1b" not in text
    assert "file guide.txt" not in bare
    assert "The guide." not in bare


def test_the_record_has_them(journal: Path) -> None:
    with JournalReader(journal) as reader:
        outside = read_run(reader, next(iter(reader.index.runs.values()))).end.outside
    assert {one.function for one in outside.externs} == {"size", "large"}
    assert "guide.txt" in [one.path for one in outside.files]
