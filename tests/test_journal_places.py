"""A folder is no place for a journal: every command and the Python interface say so before anything is read or sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.runtime import DiskError, RunOptions, run
from support.command_line import command

FLOW = 'flow f(a: text) {\n  r = ask "{{ a }}"\n  return r\n}\n'
WORDS = (
    ("f.flow", "--a", "x", "--model", "openai:m"),
    ("resume", "1"),
    ("show", "1"),
    ("report", "1"),
    ("diff", "1", "2"),
    ("answer", "1"),
    ("journal", "stats"),
    ("journal", "prune"),
    ("journal", "export", "1"),
)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        *((words, "/") for words in WORDS),
        *((("runs",), place) for place in ("/", ".", "..", "there", "there/", "link")),
    ],
)
async def test_a_folder_is_refused(tmp_path: Path, words: tuple[str, ...], place: str) -> None:
    (tmp_path / "f.flow").write_text(FLOW)
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    done = await command(*words, "--journal", place, folder=tmp_path)
    assert (done.code, done.out) == (74, "")
    assert done.err == f"flowrun: the journal `{place}` is a folder: give the name of a file in it\n"
    assert not list((tmp_path / "there").iterdir())


async def test_the_variable_names_no_folder_either(tmp_path: Path) -> None:
    done = await command("runs", folder=tmp_path, FLOWRUN_JOURNAL="/")
    assert (done.code, "is a folder" in done.err) == (74, True)


def test_python_is_told_the_same(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    with pytest.raises(DiskError, match=r"the journal `.*` is a folder: give the name of a file in it"):
        run(path, {"a": "x"}, options=RunOptions(journal=tmp_path))
