"""`--output FOLDER/`, `--output.NAME FILE` and `--name-from FIELD`, of a run and of a resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Ran, chat, command

NOTES = """model m = "openai:m"
type Note = { id: text, text: text }
flow f(names: [text]) {
  notes = map name in names { ask m "Note {{ name }}" -> Note } reduce collect with concurrency: 1
  return notes
}
"""
BOTH = """model m = "openai:m"
type Row = { id: int, label: text }
type Answer = { rows: [Row], note: text, notes: [text] }
flow f() {
  rows = ask m "rows" -> [Row]
  note = ask m "note {{ rows }}"
  return { rows, note, notes: [note, note] }
}
"""
ROWS = [{"id": 1, "label": "=1+1"}, {"id": 2, "label": "b"}]


@pytest.fixture
def ran(faults: Any, tmp_path: Path) -> Callable[..., Any]:
    async def run(*words: str) -> Ran:
        return await command(*words, folder=tmp_path, OPENAI_BASE_URL=faults.url, FLOWRUN_JOURNAL="j.db")

    return run


def answers(faults: Any, *values: Any) -> None:
    for value in values:
        faults.json(chat(value if isinstance(value, str) else json.dumps(value)))


def found(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(folder.iterdir()) if _is_output(path)}


def _is_output(path: Path) -> bool:
    return path.is_file() and not path.name.startswith("j.db")


async def test_texts_go_to_numbered_files(faults: Any, flow: Callable[[str], Path], ran: Any) -> None:
    folder = flow(NOTES.replace(" -> Note }", " }")).parent
    answers(faults, "one\n\ntwo", "three")
    done = await ran("a.flow", "--names", '["a", "b"]', "--output", "out/")
    assert (done.code, done.out) == (0, "")
    assert "2 files are in `out/`" in done.err
    assert found(folder / "out") == {"0001.md": "one\n\ntwo\n", "0002.md": "three\n"}


async def test_a_field_names_the_files_and_the_other_text_fills_them(
    faults: Any, flow: Callable[[str], Path], ran: Any
) -> None:
    folder = flow(NOTES).parent
    names = [
        "../../etc/passwd",
        "Ünï",
        "u\u0308nï".upper(),
        "..",
        "CON",
        "-rf",
        "a/b\\c\x00\x1b[31m\u202e",
        ".env",
        "n" * 999,
    ]
    answers(faults, *({"id": name, "text": f"text of {number}"} for number, name in enumerate(names)))
    done = await ran("a.flow", "--names", json.dumps(names), "-o", "out/*.md", "--name-from", "id")
    assert done.code == 0, done.err
    assert list(found(folder / "out")) == sorted(
        [
            "_.._etc_passwd.md",
            "Ünï.md",
            "ÜNÏ-2.md",
            "0004.md",
            "_CON.md",
            "_rf.md",
            "a_b_c__[31m_.md",
            "env.md",
            "n" * 150 + ".md",
        ]
    )
    assert found(folder / "out")["Ünï.md"] == "text of 1\n"
    assert list(found(folder)) == ["a.flow"]
    assert not (folder.parent / "etc").exists()


async def test_other_elements_are_json(faults: Any, flow: Callable[[str], Path], ran: Any) -> None:
    folder = flow(BOTH).parent
    answers(faults, ROWS, "a note")
    done = await ran("a.flow", "--output.rows", "rows/", "--name-from.rows", "id", "--output.notes=notes/")
    assert done.code == 0, done.err
    assert {name: json.loads(text) for name, text in found(folder / "rows").items()} == {
        "1.json": ROWS[0],
        "2.json": ROWS[1],
    }
    assert list(found(folder / "notes")) == ["0001.md", "0002.md"]


async def test_fields_go_to_files_by_their_endings_and_resume_writes_the_same(
    faults: Any, flow: Callable[[str], Path], ran: Any
) -> None:
    folder = flow(BOTH).parent
    answers(faults, ROWS, "a note")
    words = ("--output.rows", "r.csv", "--output.note=n.md", "--output", "all.json", "--output.notes", "n.jsonl")
    done = await ran("a.flow", *words)
    assert (done.code, done.out) == (0, "")
    for told in (
        "`rows` is in `r.csv`",
        "`note` is in `n.md`",
        "the answer is in `all.json`",
        "2 lines are in `n.jsonl`",
    ):
        assert told in done.err
    written = found(folder)
    assert written["r.csv"] == "id,label\r\n1,'=1+1\r\n2,b\r\n"
    assert written["n.md"] == "a note\n"
    assert written["n.jsonl"] == '"a note"\n"a note"\n'
    assert json.loads(written["all.json"]) == {"rows": ROWS, "note": "a note", "notes": ["a note", "a note"]}
    for name in ("r.csv", "n.md", "all.json", "n.jsonl"):
        (folder / name).unlink()
    again = await ran("resume", "last", *words)
    assert (again.code, len(faults.seen)) == (0, 2), again.err
    assert found(folder) == written
    raw = await ran("resume", "last", "--output.rows", "r.csv", "--raw", "--output.note", "n.md", "-q")
    assert (raw.code, raw.err) == (0, "")
    assert found(folder)["r.csv"] == "id,label\r\n1,=1+1\r\n2,b\r\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--output.row", "x.csv"],
            2,
            "--output.row: the answer of this flow has no field `row`; did you mean `rows`?",
        ),
        (["--output.zzz", "x.csv"], 2, "no field `zzz`; its fields are `rows`, `note`, `notes`"),
        (["--output.rows", "x.md"], 2, "`x.md` cannot hold"),
        (["--output.rows", "x.parquet"], 2, "cannot write a .parquet file"),
        (["--output.note", "out/"], 2, "the answer is a text"),
        (["--output", "out/"], 2, "the answer is a record"),
        (["--output.rows", "out/*.md"], 2, "`*.md` cannot hold the answer of this flow: it is a record"),
        (["--output.rows", "out/*.flow"], 2, "would get flow files"),
        (["--output.rows", "out/*.xlsx"], 2, "cannot write a .xlsx file"),
        (["--output.rows", "out/", "--name-from.rows", "idd"], 2, "no field `idd`; did you mean `id`?"),
        (["--output.notes", "out/", "--name-from.notes", "id"], 2, "the elements of the answer have none"),
        (["--output.rows", "x.csv", "--name-from.rows", "id"], 2, "--name-from.rows needs a folder"),
        (["--name-from", "id"], 2, "--name-from needs a folder: write --output FOLDER/"),
        (["--output.rows", "x.json", "--output.note", "x.json"], 2, "--output.rows and --output.note name one place"),
        (["--output.rows", "out/", "--output.notes", "./out/"], 2, "--output.rows and --output.notes name one place"),
        (["--output.rows", "-"], 2, "--output.rows needs the name of a file"),
        (["--output.rows", "x.json", "--raw"], 2, "--raw works only with a .csv or .tsv file, and no output is one"),
        (["--output.rows", "no/out/"], 74, "there is no folder"),
        (["--output.rows", "no/x.csv"], 74, "there is no folder"),
        (["--output.rows", "a.flow/"], 74, "there is a file of that name"),
        (["--output.rows", "there"], 74, "for a file for each element of a list write `there/`"),
        (["--output.rows", "x.csv", "--report", "x.csv"], 2, "--output and --report name one file"),
        (["--output.rows", "a.flow"], 2, "is a flow file"),
        (["--output.rows"], 2, "requires an argument"),
        (["--outputs.rows", "x"], 2, "neither a parameter of the flow"),
    ],
)
async def test_bad_places_are_refused_before_anything_is_paid(
    faults: Any, flow: Callable[[str], Path], ran: Any, words: list[str], code: int, said: str
) -> None:
    folder = flow(BOTH).parent
    (folder / "there").mkdir()
    refused = await ran("a.flow", *words)
    assert (refused.code, said in refused.err) == (code, True), refused.err
    assert not faults.seen
    left = {path.name for path in folder.iterdir() if not path.name.startswith((".", "j.db"))}
    assert left == {"a.flow", "there"}


async def test_a_run_that_fails_leaves_the_first_files_and_resume_makes_the_rest(
    faults: Any, flow: Callable[[str], Path], ran: Any
) -> None:
    folder = flow(NOTES).parent
    answers(faults, {"id": "a", "text": "one"})
    faults.json({"error": {"message": "no such model"}}, status=404)
    words = ("-o", "out/*.md", "--name-from", "id")
    done = await ran("a.flow", "--names", '["x", "y"]', *words)
    assert done.code == 3
    assert "the first file is in `out/`" in done.err
    assert found(folder / "out") == {"a.md": "one\n"}
    answers(faults, {"id": "A", "text": "two"})
    done = await ran("resume", "last", *words)
    assert done.code == 0, done.err
    assert found(folder / "out") == {"a.md": "one\n", "A-2.md": "two\n"}


async def test_a_run_without_an_answer_leaves_no_folder(faults: Any, flow: Callable[[str], Path], ran: Any) -> None:
    folder = flow(NOTES).parent
    faults.json({"error": {"message": "no such model"}}, status=404)
    assert (await ran("a.flow", "--names", '["x"]', "-o", "out/")).code == 3
    assert not (folder / "out").exists()


async def test_no_link_leads_out_of_the_folder_and_no_device_is_touched(
    faults: Any, flow: Callable[[str], Path], ran: Any
) -> None:
    folder = flow(NOTES).parent
    (folder / "out").mkdir()
    (folder / "victim.md").write_text("old")
    (folder / "out" / "a.md").symlink_to("../victim.md")
    os.mkfifo(folder / "out" / "b.md")
    (folder / "out" / "real.md").write_text("old")
    (folder / "out" / "c.md").symlink_to("real.md")
    (folder / "out" / "d.md").write_text("old")
    (folder / "out" / "d.md").chmod(0o640)
    for name, said in (("a", "leads out of the folder"), ("b", "is no regular file")):
        answers(faults, {"id": name, "text": "new"})
        done = await ran("a.flow", "--names", json.dumps([name]), "-o", "out/*.md", "--name-from", "id")
        assert (done.code, said in done.err) == (74, True), done.err
    assert (folder / "victim.md").read_text() == "old"
    answers(faults, {"id": "c", "text": "new"}, {"id": "d", "text": "new"})
    done = await ran("a.flow", "--names", '["c", "d"]', "-o", "out/*.md", "--name-from", "id")
    assert done.code == 0, done.err
    assert (folder / "out" / "c.md").is_symlink()
    assert (folder / "out" / "real.md").read_text() == (folder / "out" / "d.md").read_text() == "new\n"
    assert (folder / "out" / "d.md").stat().st_mode & 0o777 == 0o640


async def test_a_folder_of_inputs_is_not_written_over(faults: Any, flow: Callable[[str], Path], ran: Any) -> None:
    folder = flow(NOTES.replace("[text]", "[document]").replace(" -> Note }", " }")).parent
    (folder / "docs").mkdir()
    (folder / "docs" / "0001.md").write_text("mine")
    refused = await ran("a.flow", "--names", "docs", "-o", "docs/")
    assert refused.code == 2
    assert "this command reads `docs/0001.md`" in refused.err
    assert not faults.seen
    answers(faults, "other")
    done = await ran("a.flow", "--names", "docs", "-o", "docs/", "--name-from", "id")
    assert done.code == 2
    assert (folder / "docs" / "0001.md").read_text() == "mine"


async def test_other_files_of_the_command_keep_their_names(faults: Any, flow: Callable[[str], Path], ran: Any) -> None:
    folder = flow(BOTH.replace("notes: [text]", "notes: [Row]").replace("[note, note]", "rows")).parent
    answers(faults, [{"id": 1, "label": "x"}], "a note")
    words = ("--output.rows", "out/1.json", "--output.notes", "out/", "--name-from.notes", "id")
    (folder / "out").mkdir()
    done = await ran("a.flow", *words)
    assert done.code == 0, done.err
    assert list(found(folder / "out")) == ["1-2.json", "1.json"]
    assert json.loads((folder / "out" / "1.json").read_text()) == [{"id": 1, "label": "x"}]


async def test_a_value_that_looks_like_an_option_is_a_value(flow: Callable[[str], Path], ran: Any) -> None:
    flow("flow f(word: text) { return word }")
    for word in ("--output.rows", "--name-from.rows", "--output.x=y"):
        done = await ran("a.flow", "--word", word)
        assert (done.code, done.out) == (0, f"{word}\n"), done.err


async def test_help_tells_of_fields_and_folders(flow: Callable[[str], Path], ran: Any) -> None:
    flow(BOTH)
    for words in (["a.flow"], ["resume"]):
        told = (await ran(*words, "--help")).out
        assert "--output.NAME FILE|FOLDER/" in told
        assert "--name-from FIELD" in told


@pytest.mark.parametrize(
    ("ending", "text"),
    [("json", '{\n  "id": 1,\n  "label": "=1+1"\n}\n'), ("csv", "id,label\r\n1,'=1+1\r\n"), ("md", "=1+1\n")],
)
async def test_the_ending_sets_the_form_of_each_file(
    faults: Any, flow: Callable[[str], Path], ran: Any, ending: str, text: str
) -> None:
    folder = flow(BOTH).parent
    answers(faults, ROWS[:1], "a note")
    done = await ran("a.flow", "--output.rows", f"out/*.{ending}", "--name-from.rows", "id")
    assert done.code == 0, done.err
    assert found(folder / "out") == {f"1.{ending}": text}
