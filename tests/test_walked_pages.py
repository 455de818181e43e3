"""The tutorial and the how-tos are carried out in empty folders, and show what happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.page_answers import ANSWERS
from support.page_runs import Command, Save, carry_out, fits, parts_of
from support.told_model import told_model

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
WALKED = ["tutorial.md", *sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "howto").glob("*.md"))]


def walk(text: str, name: str, folder: Path) -> tuple[str, list[str]]:
    with told_model(ANSWERS.get(name, {})) as url:
        host = url.removesuffix("/v1")
        environ = {"OLLAMA_HOST": host} | ({} if "```toml\nmodel = " in text else {"FLOWRUN_MODEL": "ollama:page"})
        return carry_out(text, folder, environ, host.removeprefix("http://"))


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKED)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    page = DOCS / name
    folder = tmp_path / "empty"
    folder.mkdir()
    text, differences = walk(page.read_text(encoding="utf-8"), name, folder)
    if os.environ.get("FLOWRUN_UPDATE"):
        page.write_text(text, encoding="utf-8")
    assert "\n\n".join(differences) == ""


@pytest.mark.parametrize("name", WALKED)
def test_a_page_has_a_whole_flow_and_its_commands(name: str) -> None:
    parts = [*parts_of((DOCS / name).read_text(encoding="utf-8"))]
    assert any(isinstance(part, Save) and part.name.endswith(".flow") for part in parts)
    assert any(isinstance(part, Command) for part in parts)
    assert [part.line for part in parts if isinstance(part, Command) and not part.shown.strip()] == []


def test_a_difference_is_told(tmp_path: Path) -> None:
    page = (
        "Save this as `a.txt`:\n\n```text\none\n```\n\nAdd this to `a.txt`:\n\n```text\ntwo\n```\n\n"
        "```console\n$ cat a.txt\none\n…\ntwo\n$ echo 3.2 s\n1.5 s\n$ echo yes\nno\n```\n"
    )
    text, differences = carry_out(page, tmp_path, {})
    assert len(differences) == 1
    assert "$ echo yes\n-- shown:\nno" in differences[0]
    assert text == page.replace("\nno\n", "\nyes\n")


def test_times_and_names_of_runs_may_differ() -> None:
    assert fits("20261129-091625-7656 · 2 calls · 1 min 3 s", "20261130-091625-0a56 · 2 calls · 12 ms")
    assert fits("2 calls · 1 s", "0/2 steps · 1 in flight · 0 calls done · 8 s\n2 calls · 3 s; one after another 4 s")
    assert fits("a[0]: x\na[1]: y\nend", "a[1]: y\na[0]: x\nend")
    assert fits("2 calls · 9 ms; 2 s to start · 5 tokens in, 6 out", "2 calls · 3 s · 5 tokens in, 6 out")
    assert not fits("2 calls · 9 ms; 2 s to start · 5 tokens in, 6 out", "2 calls · 3 s · 5 tokens in, 7 out")
    assert not fits("2 calls · 1 s", "3 calls · 1 s")
    assert not fits("a[0]: x\n…", "a[0]: y\nend")
