"""What an editor gets over the protocol: hovers, proposals, places, renames, fixes, hints and lenses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from flowrun.dsl import Source, apply_fixes
from flowrun.runtime.session.loading import examine_source
from support.edited_texts import lines_of, units
from support.editor import Editor, RefusedError, editor

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIB = """\
type Note = {
  title: text
}

flow shorten(words: text) {
  short = ask "Short: {{ words }}" -> Note
  return short
}
"""
MAIN = """\
import "lib.flow"

model quick = "openai:gpt-4o-mini"

prompt head(n: Note) from "head.md"

# Three heads, and the best.
flow best(mail: text) {
  note = shorten(mail)

  verdict = repeat 3 {
    ask quick "Is it good?\\n{{ note.title }}" -> GOOD | BAD
  } reduce majority

  z = ask quick head(note) with max_tokens: 50
  return z
}

test "a head" of best {
  mail = "x"
  reply note.short: { title: "t" }
  reply verdict: GOOD
  reply z: "A head"
  expect z == "A head"
}
"""
PROMPT = "Write a head for {{ n.title }}.\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flows")
    for name, text in {"lib.flow": LIB, "main.flow": MAIN, "head.md": PROMPT}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(folder: Path) -> AsyncIterator[Editor]:
    async with editor(folder) as one:
        one.open((folder / "main.flow").as_uri(), MAIN)
        await one.findings((folder / "main.flow").as_uri(), 1)
        yield one
        assert await one.end() == 0
        assert "bug" not in one.log.decode(), one.log.decode()


@pytest.fixture
def main(folder: Path) -> str:
    return (folder / "main.flow").as_uri()


def place(text: str, word: str, inside: int = 1) -> tuple[int, int]:
    """The line and the column of a word, in UTF-16."""
    before = text[: text.index(word) + inside]
    lines = lines_of(before)
    return len(lines) - 1, units(lines[-1])


def cut(text: str, span: dict[str, Any]) -> str:
    """The part of a text in a range of one line."""
    line = lines_of(text)[span["start"]["line"]].encode("utf-16-le")
    start, end = (2 * int(span[side]["character"]) for side in ("start", "end"))
    return str(line[start:end], "utf-16-le")


def edited(text: str, edits: list[dict[str, Any]]) -> str:
    """An editor's text after edits of the protocol."""
    starts = [0]
    for line in lines_of(text):
        starts.append(starts[-1] + len(line))

    def at(place: dict[str, int]) -> int:
        line = lines_of(text)[place["line"]].encode("utf-16-le")
        return starts[place["line"]] + len(line[: 2 * place["character"]].decode("utf-16-le"))

    for one in sorted(edits, key=lambda one: at(one["range"]["start"]), reverse=True):
        text = text[: at(one["range"]["start"])] + one["newText"] + text[at(one["range"]["end"]) :]
    return text


async def test_a_hover_tells_types_bounds_and_prices(server: Editor, main: str) -> None:
    told = await server.at("textDocument/hover", main, *place(MAIN, "verdict"))
    assert told["contents"]["kind"] == "markdown"
    assert "GOOD | BAD" in told["contents"]["value"] and "calls" in told["contents"]["value"]
    assert cut(MAIN, told["range"]) == "verdict"
    told = await server.at("textDocument/hover", main, *place(MAIN, "quick "))
    assert "$0.15 for a million tokens of input" in told["contents"]["value"]
    assert await server.at("textDocument/hover", main, 1, 0) is None


async def test_proposals_replace_what_is_written(server: Editor, main: str) -> None:
    found = await server.at("textDocument/completion", main, *place(MAIN, "note.title", 6))
    title = next(one for one in found["items"] if one["label"] == "title")
    assert cut(MAIN, title["textEdit"]["range"]) in ("title", "t")
    found = await server.at("textDocument/completion", main, *place(MAIN, "majority", 3))
    assert {"majority", "collect"} <= {one["label"] for one in found["items"]}


async def test_a_line_that_is_being_written_has_proposals(server: Editor, main: str) -> None:
    line = place(MAIN, "  z = ask")[0]
    start = {"line": line, "character": 0}
    server.change(main, 2, {"range": {"start": start, "end": start}, "text": '  y = ask "About {{ \n'})
    found = await server.at("textDocument/completion", main, line, 20)
    assert {"mail", "note", "verdict"} <= {one["label"] for one in found["items"]}
    assert await server.findings(main, 2)
    found = await server.at("textDocument/completion", main, line, 20)
    assert {"mail", "note", "verdict"} <= {one["label"] for one in found["items"]}
    server.replace(main, 3, MAIN)
    await server.findings(main, 3)


async def test_a_definition_leads_to_other_files(server: Editor, main: str, folder: Path) -> None:
    (there,) = await server.at("textDocument/definition", main, *place(MAIN, "shorten(mail)"))
    assert there["uri"] == (folder / "lib.flow").as_uri()
    assert cut(LIB, there["range"]) == "shorten"
    (there,) = await server.at("textDocument/definition", main, *place(MAIN, "head.md"))
    assert there["uri"] == (folder / "head.md").as_uri()
    places = await server.at(
        "textDocument/references", main, *place(MAIN, "note ="), context={"includeDeclaration": True}
    )
    assert len(places) == 4
    shown = await server.at("textDocument/documentHighlight", main, *place(MAIN, "note ="))
    assert [cut(MAIN, one["range"]) for one in shown] == ["note"] * 4


async def test_a_prompt_file_has_answers_of_its_flow(server: Editor, main: str, folder: Path) -> None:
    note = (folder / "head.md").as_uri()
    server.open(note, PROMPT, language="markdown")
    (there,) = await server.at("textDocument/definition", note, *place(PROMPT, "n.title"))
    assert there["uri"] == main and cut(MAIN, there["range"]) == "n"
    found = await server.at("textDocument/completion", note, *place(PROMPT, "n.title", 3))
    assert [one["label"] for one in found["items"]] == ["title"]
    text = PROMPT.replace("n.title", "")
    server.replace(note, 2, text)
    found = await server.at("textDocument/completion", note, *place(text, "{{ ", 3))
    assert "n" in {one["label"] for one in found["items"]}
    server.replace(note, 3, PROMPT)
    told = await server.at("textDocument/hover", note, *place(PROMPT, "n.title", 0))
    assert "Note" in told["contents"]["value"]
    server.close(note)


async def test_a_rename_changes_all_files_also_closed_ones(server: Editor, main: str, folder: Path) -> None:
    span = await server.at("textDocument/prepareRename", main, *place(MAIN, "shorten"))
    assert cut(MAIN, span) == "shorten"
    made = await server.at("textDocument/rename", main, *place(MAIN, "shorten"), newName="cut_down")
    changes = {one["textDocument"]["uri"]: one for one in made["documentChanges"]}
    assert set(changes) == {main, (folder / "lib.flow").as_uri()}
    assert changes[main]["textDocument"]["version"] == 3
    assert edited(MAIN, changes[main]["edits"]) == MAIN.replace("shorten", "cut_down")
    lib = (folder / "lib.flow").as_uri()
    assert edited(LIB, changes[lib]["edits"]) == LIB.replace("shorten", "cut_down")
    # From the file that declares it the flow that imports it changes too, even when it is closed.
    server.open(lib, LIB)
    server.close(main)
    made = await server.at("textDocument/rename", lib, *place(LIB, "shorten"), newName="cut_down")
    changes = {one["textDocument"]["uri"]: one for one in made["documentChanges"]}
    assert edited(MAIN, changes[main]["edits"]) == MAIN.replace("shorten", "cut_down")
    assert changes[main]["textDocument"]["version"] is None
    server.close(lib)
    server.open(main, MAIN, 3)
    for name, reason in (("note", "taken"), ("9", "name"), ("", "name")):
        with pytest.raises(RefusedError) as caught:
            await server.at("textDocument/rename", main, *place(MAIN, "verdict"), newName=name)
        assert caught.value.code == -32803 and reason, str(caught.value)


async def test_the_whole_text_is_told(server: Editor, main: str, folder: Path) -> None:
    names = [one["name"] for one in await server.ask("textDocument/documentSymbol", main)]
    assert {"best", "quick", "head"} <= set(names)
    found = await server.ask("workspace/symbol", query="shrt")
    assert {(one["name"], one["location"]["uri"]) for one in found} == {
        (name, (folder / "lib.flow").as_uri()) for name in ("short", "shorten")
    }
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    labels = [one["label"] for one in await server.ask("textDocument/inlayHint", main, range=whole)]
    assert any("GOOD | BAD" in one for one in labels) and any("calls" in one for one in labels)
    commands = [one["command"] for one in await server.ask("textDocument/codeLens", main)]
    assert {one["command"] for one in commands} >= {"flowrun.run", "flowrun.plan", "flowrun.test"}
    assert all(one["arguments"][0] == main for one in commands)
    assert [one["arguments"][1] for one in commands if one["command"] == "flowrun.test"] == ["a head"]
    folds = await server.ask("textDocument/foldingRange", main)
    start = place(MAIN, "  verdict = repeat")[0]
    assert {"startLine": start, "endLine": start + 1, "kind": "region"} in folds
    targets = [one["target"] for one in await server.ask("textDocument/documentLink", main)]
    assert set(targets) == {(folder / "lib.flow").as_uri(), (folder / "head.md").as_uri()}
    line, column = place(MAIN, "max_tokens")
    here = [{"line": line, "character": column}]
    (chain,) = await server.ask("textDocument/selectionRange", main, positions=here)
    assert cut(MAIN, chain["range"]) == "max_tokens" and "parent" in chain
    told = await server.at("textDocument/signatureHelp", main, *place(MAIN, "shorten(mail", 9))
    assert told["signatures"][0]["label"].startswith("shorten(words")


async def test_tokens_colour_each_name_once(server: Editor, main: str) -> None:
    data = (await server.ask("textDocument/semanticTokens/full", main))["data"]
    legend = server.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    line = column = 0
    seen: dict[str, set[str]] = {}
    for at in range(0, len(data), 5):
        down, right, length, kind, _ = data[at : at + 5]
        line, column = line + down, (0 if down else column) + right
        span = {"start": {"line": line, "character": column}, "end": {"line": line, "character": column + length}}
        seen.setdefault(cut(MAIN, span), set()).add(legend[kind])
    assert seen["quick"] == {"class"} and seen["flow"] == {"keyword"} and seen["majority"] == {"method"}
    assert seen["note"] == {"variable"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
async def test_fixes_make_what_validate_makes(server: Editor, folder: Path, end: str, mark: str) -> None:
    text = "flow f(mail: text) {\n  // 😀\n  x = ask 'Sum up: {{ male }}';\n  return x;\n}\n"
    path = folder / "broken.flow"
    source = Source(text, str(path))
    fixed = apply_fixes(source, lambda changed: examine_source(changed, {}).findings).source.text
    assert fixed != text
    written = mark + text.replace("\n", end)
    uri = path.as_uri()
    server.open(uri, written)
    await server.findings(uri, 1)
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    about = {"range": whole, "context": {"diagnostics": []}}
    actions = await server.ask("textDocument/codeAction", uri, **about)
    every = [one for one in actions if one["kind"] == "source.fixAll.flowrun"]
    assert len(every) == 1
    edits = every[0]["edit"]["documentChanges"][0]["edits"]
    assert edited(written, edits) == mark + fixed.replace("\n", end)
    assert any(one["kind"] == "quickfix" and one["diagnostics"] for one in actions)
    only = {"range": whole, "context": {"diagnostics": [], "only": ["source.fixAll"]}}
    actions = await server.ask("textDocument/codeAction", uri, **only)
    assert [one["kind"] for one in actions] == ["source.fixAll.flowrun"]
    only = {"range": whole, "context": {"diagnostics": [], "only": ["refactor"]}}
    assert await server.ask("textDocument/codeAction", uri, **only) == []
    server.close(uri)


async def test_folders_that_come_later_are_searched_too(server: Editor, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("deep/zebra.flow", ".hidden/zebra.flow", "broken.flow"):
        (tmp_path / name).write_text('flow zebra() {\n  x = ask "?"\n  return x\n}\n', encoding="utf-8")
    (tmp_path / "binary.flow").write_bytes(b"zebra\0\xff")
    (tmp_path / "loop").symlink_to(tmp_path)
    added = {"added": [{"uri": tmp_path.as_uri(), "name": "more"}], "removed": []}
    server.tell("workspace/didChangeWorkspaceFolders", event=added)
    found = await server.ask("workspace/symbol", query="zebra")
    assert [one["location"]["uri"] for one in found] == [
        (tmp_path / name).as_uri() for name in ("broken.flow", "deep/zebra.flow")
    ]
    (tmp_path / "broken.flow").unlink()
    (tmp_path / "deep" / "zebra.flow").write_text('flow horse() {\n  x = ask "?"\n  return x\n}\n', encoding="utf-8")
    assert await server.ask("workspace/symbol", query="zebra") == []
    assert [one["name"] for one in await server.ask("workspace/symbol", query="horse")] == ["horse"]
    server.tell("workspace/didChangeWorkspaceFolders", event={"added": [], "removed": added["added"]})
    assert await server.ask("workspace/symbol", query="horse") == []


async def test_an_editor_that_can_little_gets_little(folder: Path) -> None:
    async with editor(folder, {}) as one:
        uri = (folder / "main.flow").as_uri()
        one.open(uri, MAIN)
        await one.findings(uri, 1)
        told = await one.at("textDocument/hover", uri, *place(MAIN, "verdict"))
        assert told["contents"]["kind"] == "plaintext"
        names = await one.ask("textDocument/documentSymbol", uri)
        assert all("location" in name for name in names) and "verdict" in {name["name"] for name in names}
        found = await one.at("textDocument/completion", uri, *place(MAIN, "\n\nmodel", 1))
        assert all(item["insertTextFormat"] == 1 for item in found["items"])
        made = await one.at("textDocument/rename", uri, *place(MAIN, "verdict"), newName="fresh")
        assert set(made) == {"changes"}
        assert not [asked for asked in one.asked if asked["method"] == "client/registerCapability"]
