"""Lists of documents and texts from folders and patterns."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import plan, types
from flowrun.runtime.inputs.inputs import check_value, files_given, read_input
from flowrun.runtime.vocabulary.errors import InputError
from support.command_line import chat, command

DOCS = types.ListOf(types.DOCUMENT)
TEXTS = types.ListOf(types.TEXT)


def read(given: str, type_: types.Type = DOCS) -> Any:
    return read_input(plan.Param("docs", type_, None, True), given, lambda: "")


def given(value: str, type_: types.Type = DOCS) -> list[str]:
    return [str(path) for path in files_given(plan.Param("docs", type_, None, True), value)]


def refused(value: str, type_: types.Type = DOCS) -> str:
    with pytest.raises(InputError) as error:
        read(value, type_)
    return str(error.value)


@pytest.fixture(autouse=True)
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "papers"
    (folder / "more" / ".deep").mkdir(parents=True)
    for name in ("p2.md", "p10.md", "note.html", ".hidden.md", "more/p3.md", "more/.deep/p4.md", "a b'$(x).md"):
        (folder / name).write_text(f"<p>{name}" if name.endswith("html") else name)
    return folder


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("papers", ["a b'$(x).md", "note.html", "p10.md", "p2.md"]),
        ("papers/", ["a b'$(x).md", "note.html", "p10.md", "p2.md"]),
        ("@papers/", ["a b'$(x).md", "note.html", "p10.md", "p2.md"]),
        ("papers/p*.md", ["p10.md", "p2.md"]),
        ("papers/p?.md", ["p2.md"]),
        ("papers/p[0-5].md", ["p2.md"]),
        ("papers/**/p*.md", ["more/p3.md", "p10.md", "p2.md"]),
        ("papers/.h*.md", [".hidden.md"]),
        ("*/note.html", ["note.html"]),
        ("papers/note.html", ["note.html"]),
    ],
)
def test_folders_and_patterns(value: str, found: list[str], papers: Path) -> None:
    assert read(value) == found
    assert read(value, types.Optional(DOCS)) == found
    assert check_value(Path(value.removeprefix("@")), DOCS, "it") == found
    assert read(str(papers.parent / value.removeprefix("@"))) == found
    assert given(value.removeprefix("@")) == [os.path.join("papers", name) for name in found]


def test_texts_are_the_files_as_they_are() -> None:
    assert read("papers/*.html", TEXTS) == ["<p>note.html"]
    assert read("papers/more", TEXTS) == ["more/p3.md"]
    Path("words.txt").write_text("one\ntwo\n")
    assert read("words.txt", TEXTS) == ["one", "two"]
    assert read('["papers/*.md"]', TEXTS) == ["papers/*.md"]


def test_files_of_data_still_hold_the_whole_list() -> None:
    Path("docs.json").write_text('["a", "b"]')
    Path("docs.jsonl").write_text('"a"\n"b"\n')
    assert read("docs.json") == read("docs.jsonl") == read('["a", "b"]') == ["a", "b"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(papers: Path) -> None:
    (papers / "p[0-5].md").write_text("brackets")
    assert read("papers/p[0-5].md") == ["brackets"]


def test_a_pattern_may_begin_as_a_list_does(papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(papers)
    assert read("[pq]*.md") == read("@[pq]*.md") == ["p10.md", "p2.md"]
    assert given("[pq]*.md") == ["p10.md", "p2.md"]
    assert read('["p2.md"]') == ["p2.md"]
    assert "is not JSON" in refused("[x]*.md")
    assert "is not JSON" in refused('["p2.md", ]')


@pytest.mark.parametrize("type_", [DOCS, TEXTS])
def test_no_files_are_refused_for_a_list_that_is_needed(papers: Path, type_: types.Type) -> None:
    (papers / "none" / "inner").mkdir(parents=True)
    (papers / "none" / ".hidden").write_text("x")
    assert "`docs`: the folder `papers/none` has no files" in refused("papers/none", type_)
    assert "no file matches the pattern `papers/*.pdf`" in refused("papers/*.pdf", type_)
    assert "there is no folder `paper`; did you mean `papers`?" in refused("paper/*.md", type_)
    assert "`papers/**/../x` has `..` after a wildcard" in refused("papers/**/../x", type_)
    for value in ("papers/none", "papers/*.pdf"):
        assert read(value, types.Optional(type_)) == []


def test_links_are_read_and_circles_and_pipes_are_not(papers: Path) -> None:
    (papers / "circle").symlink_to("circle")
    (papers / "up").symlink_to("..", target_is_directory=True)
    os.mkfifo(papers / "pipe.md")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(papers / "socket.md"))
    (papers / "link.md").symlink_to("p2.md")
    assert read("papers/*.md") == ["a b'$(x).md", "p2.md", "p10.md", "p2.md"]
    assert read("papers/**/p3.md") == ["more/p3.md"]
    (papers / "circle").unlink()
    assert read("papers").count("p2.md") == 2
    (papers / "gone.md").symlink_to("nowhere.md")
    assert "there is no file `papers/gone.md`" in refused("papers")


def test_a_file_that_cannot_be_read_is_named(papers: Path) -> None:
    (papers / "picture.png").write_bytes(b"\x89PNG")
    assert "`papers/picture.png`: flowrun does not read documents of the kind .png" in refused("papers")
    (papers / "picture.png").unlink()
    (papers / "p3.md").write_bytes(b"\xff\xfe\xff")
    assert "`papers/p3.md` is not" in refused("papers/*.md")
    assert "`papers/p3.md` is not" in refused("papers", TEXTS)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named(papers: Path) -> None:
    papers.chmod(0)
    assert "the folder `papers` cannot be read" in refused("papers")
    papers.chmod(0o700)


def test_more_than_a_thousand_files_come_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(1200):
        (tmp_path / "many" / f"{number:05}.txt").write_text(str(number))
    assert read("many") == read("many/*.txt") == [str(number) for number in range(1200)]


FLOW = """model m = "openai:m"
flow f(docs: [document]) {
  out = map doc in docs { ask m "Say {{ doc }}" } reduce collect
  return out
}
"""


async def test_a_run_and_its_plan_take_them_and_the_shell_is_explained(
    faults: Any, flow: Callable[[str], Path], papers: Path
) -> None:
    flow(FLOW)
    planned = await command("plan", "a.flow", "--docs", "papers/p*.md", folder=papers.parent)
    assert "map doc × 2" in planned.out
    for _ in range(2):
        faults.json(chat("said"))
    ran = await command("a.flow", "--docs", "papers/p*.md", folder=papers.parent, OPENAI_BASE_URL=faults.url)
    assert (ran.code, ran.out) == (0, '[\n  "said",\n  "said"\n]\n')
    split = await command("a.flow", "--docs", "papers/p10.md", "papers/p2.md", folder=papers.parent)
    assert split.code == 2
    assert "`papers/p2.md` is an extra argument" in split.err
    assert "put the pattern into quotes, as in 'papers/*.pdf'" in split.err
    over = await command("a.flow", "--docs", "papers/*.md", "-o", "papers/p2.md", folder=papers.parent)
    assert over.code == 2
    assert "this command reads `papers/p2.md`" in over.err
    assert (papers / "p2.md").read_text() == "p2.md"
