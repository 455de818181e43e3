"""Every command writes by one set of rules, and overwrites nothing that it reads; what is refused costs nothing."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.cli import run_command
from support.command_line import chat, command
from support.reader import reading

FLOW = "flow f() { return 1 }\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [["graph", "a.flow"], ["validate", "a.flow", "--format", "json"]])
def test_every_command_writes_by_the_same_rules(
    words: list[str], here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOWRUN_JOURNAL")
    (here / "a.flow").write_text(FLOW)
    (here / "read_only.svg").write_text("old")
    (here / "read_only.svg").chmod(0o444)
    (here / "real.svg").write_text("old")
    os.symlink("real.svg", "link.svg")
    os.link("a.flow", "hard.svg")
    (here / ".flowrun").mkdir()
    (here / ".flowrun" / "journal.db").write_text("paid")
    os.symlink(".flowrun/journal.db", "journal.svg")
    os.mkfifo("pipe.svg")
    came = reading(here / "pipe.svg")
    for name, code in (
        ("link.svg", 0),
        ("pipe.svg", 0),
        ("read_only.svg", 74),
        ("hard.svg", 2),
        ("journal.svg", 2),
        (".", 74),
        ("no/x.svg", 74),
    ):
        form = ["--format", "svg"] if words[0] == "graph" else []
        assert run_command([*words, *form, "-o", name]) == code, (name, capsys.readouterr().err)
    assert came() == (here / "real.svg").read_bytes() != b"old"
    assert os.path.islink("link.svg")
    assert stat.S_ISFIFO(os.stat("pipe.svg").st_mode)
    assert (here / "hard.svg").read_text() == FLOW
    assert (here / "read_only.svg").read_text() == "old"
    assert (here / ".flowrun" / "journal.db").read_text() == "paid"


def test_fmt_and_fix_leave_a_read_only_file_alone(here: Path) -> None:
    for words in (["fmt", "a.flow"], ["validate", "--fix", "a.flow"]):
        text = "flow f(x:text){return x=='a'}\n"
        (here / "a.flow").write_text(text)
        (here / "a.flow").chmod(0o444)
        run_command(words)
        assert (here / "a.flow").read_text() == text
        (here / "a.flow").unlink()


@pytest.mark.parametrize("kind", ["file", "dangling", "pipe"])
def test_init_writes_over_nothing(here: Path, kind: str) -> None:
    if kind == "file":
        (here / "a.flow").write_text("mine")
    elif kind == "pipe":
        os.mkfifo("a.flow")
    else:
        os.symlink("gone", "a.flow")
    assert run_command(["init", "a.flow"]) == 2
    assert os.listdir() == ["a.flow"]


SUM = """
import "lib.flow"
extern look(x: text) -> text from "helper:look"
flow f(d: document, rows: [text], q: text, name: text, own: text = file("own.md")) {
  a = ask "{{ d }} {{ rows }} {{ q }} {{ own }}"
  b = file(name)
  c = files("notes/*.md")
  e = look(a)
  g = same(a)
  return [a, b, e, g, length(c)]
}
"""


async def test_a_run_writes_over_nothing_that_it_reads(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SUM).parent
    faults.json(chat("yes"))
    (folder / "notes").mkdir()
    kept = {
        "d.md": "document",
        "rows.txt": "a\nb\n",
        "q.txt": "question",
        "own.md": "own",
        "named.md": "named",
        "notes/1.md": "note",
        "helper.py": "def look(x): return x\n",
        "lib.flow": "flow same(x: text) { return x }\n",
    }
    for name, text in kept.items():
        (folder / name).write_text(text)
    os.link(folder / "d.md", folder / "same_as_d.json")
    words = ["a.flow", "--d", "d.md", "--rows", "rows.txt", "--q", "@q.txt", "--name", "named.md"]
    environ = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "kept.db"}
    words += ["--model", "openai:m", "--allow-python"]
    names = (*kept, "same_as_d.json", "kept.db", "a.flow")
    # Side by side: each is refused before it takes the journal.
    refused = await asyncio.gather(*(command(*words, "-o", name, folder=folder, **environ) for name in names))
    for name, ran in zip(names, refused, strict=True):
        assert (ran.code, "is not overwritten" in ran.err) == (2, True), (name, ran.err)
    assert not faults.seen
    assert {name: (folder / name).read_text() for name in kept} == kept
    ran = await command(*words, "-o", "out.json", folder=folder, **environ)
    assert ran.code == 0, ran.err
    assert json.loads((folder / "out.json").read_text())[1] == "named"
    for name in ("own.md", "kept.db", "kept.db-wal", "helper.py", "notes/1.md", "out.csv"):
        again = await command("resume", "last", "--allow-python", "-o", name, folder=folder, **environ)
        assert again.code == (0 if name == "out.csv" else 2), (name, again.err)


async def test_standard_input_that_is_a_file_is_read(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow('flow f(q: text) { a = ask "{{ q }}" return a }\n').parent
    (folder / "in.md").write_text("question")
    with (folder / "in.md").open("rb") as given:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from flowrun.runtime.cli import main; main()"),
            *("a.flow", "--q", "-", "-o", "in.md", "--model", "openai:m", "--no-journal"),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": faults.url},
            stdin=given,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
    assert (process.returncode, faults.seen) == (2, [])
    assert "this command reads" in err.decode()
    assert (folder / "in.md").read_text() == "question"
