"""The language server over its protocol: documents, diagnostics, and the files that flows read."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support.editor import Editor, RefusedError, editor

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = 'flow f(mail: text) {\n  x = ask "Sum up: {{ mail }}"\n  return x\n}\n'
LIB = 'flow shorten(words: text) {\n  y = ask "Shorten: {{ words }}"\n  return y\n}\n'
MAIN = 'import "lib.flow"\n\nflow f(mail: text) {\n  x = shorten(mail)\n  return x\n}\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """One server for all tests. At its end it has told of no fault."""
    async with editor(tmp_path_factory.mktemp("home")) as one:
        yield one
        assert await one.end() == 0
        assert "bug" not in one.log.decode(), one.log.decode()


def uri(folder: Path, name: str, text: str | bytes | None = None) -> str:
    path = folder / name
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path.as_uri()


def put(line: int, start: int, end: int, text: str) -> dict[str, Any]:
    place = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
    return {"range": place, "text": text}


async def test_diagnostics_come_with_the_version_and_go_at_the_end(server: Editor, tmp_path: Path) -> None:
    a = uri(tmp_path, "a.flow", FLOW)
    server.open(a, FLOW)
    assert await server.findings(a, 1) == []
    server.change(a, 2, put(2, 9, 10, "y"))
    (found,) = await server.findings(a, 2)
    assert (found["code"], found["severity"], found["source"]) == ("F0201", 1, "flowrun")
    assert found["range"] == {"start": {"line": 2, "character": 9}, "end": {"line": 2, "character": 10}}
    assert "\nhelp: " in found["message"]
    assert "codeDescription" not in found
    server.change(a, 3, put(2, 9, 10, ""), put(2, 9, 9, "x"))
    assert await server.findings(a, 3) == []
    server.change(a, 4, put(0, 0, 4, "flew"))
    assert await server.findings(a, 4)
    server.close(a)
    await server.until(lambda: server.shown[a] == (None, []))


async def test_an_unused_thing_is_pale_and_labels_are_related(server: Editor, tmp_path: Path) -> None:
    a = uri(tmp_path, "a.flow")
    server.open(a, FLOW.replace("mail: text", "mail: text, other: text"))
    (found,) = await server.findings(a, 1)
    assert (found["code"], found["severity"], found["tags"]) == ("F0711", 2, [1])
    server.replace(a, 2, FLOW.replace("  return", '  x = ask "Again: {{ mail }}"\n  return'))
    found = next(one for one in await server.findings(a, 2) if one["code"] == "F0202")
    related = found["relatedInformation"][0]
    assert related["location"]["uri"] == a
    assert related["location"]["range"]["start"] == {"line": 1, "character": 2}
    server.close(a)


async def test_the_newest_text_wins(server: Editor, tmp_path: Path) -> None:
    a = uri(tmp_path, "a.flow")
    server.open(a, FLOW)
    await server.findings(a, 1)
    versions = []
    for version in range(2, 60):
        server.replace(a, version, FLOW if version % 2 else FLOW.replace("return x", "return q"))
        if version % 7 == 0:
            await asyncio.sleep(0.02)
        versions.append(server.shown[a][0])
    assert await server.findings(a, 59) == []
    assert versions == sorted(versions, key=lambda one: one or 0)
    server.close(a)


async def test_an_edit_of_an_imported_file_checks_the_files_that_import_it(server: Editor, tmp_path: Path) -> None:
    lib, main = uri(tmp_path, "lib.flow", LIB), uri(tmp_path, "main.flow", MAIN)
    server.open(main, MAIN)
    assert await server.findings(main, 1) == []
    server.open(lib, LIB)
    assert await server.findings(lib, 1) == []
    server.change(lib, 2, put(0, 5, 12, "cut"))
    await server.until(lambda: server.shown[main][1])
    assert "shorten" in server.shown[main][1][0]["message"]
    server.change(lib, 3, put(0, 5, 8, "shorten"))
    await server.until(lambda: not server.shown[main][1])
    # The editor's text counts, until it is closed: then the file on the disk does.
    server.change(lib, 4, put(0, 5, 12, "cut"))
    await server.until(lambda: server.shown[main][1])
    server.close(lib)
    await server.until(lambda: not server.shown[main][1])
    server.close(main)


async def test_what_an_import_has_wrong_is_shown_at_its_own_place(server: Editor, tmp_path: Path) -> None:
    lib, main = uri(tmp_path, "lib.flow", LIB.replace("return y", "return z")), uri(tmp_path, "main.flow", MAIN)
    server.open(main, MAIN)
    await server.findings(main, 1)
    assert [one["code"] for one in server.shown[lib][1]] == ["F0201"]
    server.open(lib, LIB)
    await server.until(lambda: server.shown[lib] == (1, []))
    server.close(lib)
    await server.until(lambda: [one["code"] for one in server.shown[lib][1]] == ["F0201"])
    server.close(main)
    await server.until(lambda: server.shown[lib] == (None, []))


async def test_files_that_come_change_and_go_are_seen(server: Editor, tmp_path: Path) -> None:
    lib, main = tmp_path / "lib.flow", uri(tmp_path, "main.flow", MAIN)

    def tell(kind: int) -> None:
        server.tell("workspace/didChangeWatchedFiles", changes=[{"uri": lib.as_uri(), "type": kind}])

    server.open(main, MAIN)
    assert await server.codes(main, 1) == ["F0209"]
    lib.write_text(LIB, encoding="utf-8")
    tell(1)
    await server.until(lambda: not server.shown[main][1])
    lib.write_text(LIB.replace("shorten", "cut"), encoding="utf-8")
    tell(2)
    await server.until(lambda: server.shown[main][1])
    lib.unlink()
    tell(3)
    await server.until(lambda: [one["code"] for one in server.shown[main][1]] == ["F0209"])
    assert "there is no file" in server.shown[main][1][0]["message"]
    server.close(main)


async def test_a_renamed_folder_takes_its_files_away(server: Editor, tmp_path: Path) -> None:
    text = MAIN.replace("lib.flow", "parts/lib.flow")
    uri(tmp_path, "parts/lib.flow", LIB)
    main = uri(tmp_path, "main.flow", text)
    server.open(main, text)
    assert await server.findings(main, 1) == []
    (tmp_path / "parts").rename(tmp_path / "other")
    files = [{"oldUri": (tmp_path / "parts").as_uri(), "newUri": (tmp_path / "other").as_uri()}]
    server.tell("workspace/didRenameFiles", files=files)
    await server.until(lambda: server.shown[main][1])
    (tmp_path / "other").rename(tmp_path / "parts")
    server.tell("textDocument/didSave", textDocument={"uri": (tmp_path / "parts" / "lib.flow").as_uri()})
    await server.until(lambda: not server.shown[main][1])
    server.close(main)


async def test_a_prompt_that_is_open_counts(server: Editor, tmp_path: Path) -> None:
    text = 'prompt sum(mail: text) from "sum.md"\n\nflow f(mail: text) {\n  x = ask sum(mail)\n  return x\n}\n'
    main, note = uri(tmp_path, "main.flow", text), uri(tmp_path, "sum.md", "Sum up: {{ mail }}\n")
    server.open(main, text)
    first = await server.findings(main, 1)
    assert first == []
    server.open(note, "Sum up: {{ male }}\n", language="markdown")
    await server.until(lambda: server.shown[main][1] or server.shown.get(note, (0, []))[1])
    shown = [*server.shown[main][1], *server.shown.get(note, (0, []))[1]]
    assert any("male" in one["message"] for one in shown)
    server.change(note, 2, put(0, 11, 15, "mail"))
    await server.until(lambda: not server.shown[main][1] and not server.shown.get(note, (0, []))[1])
    server.close(note)
    server.close(main)


async def test_a_text_without_a_file_is_checked_without_imports(server: Editor) -> None:
    a = "untitled:Untitled-1"
    server.open(a, FLOW)
    assert await server.findings(a, 1) == []
    server.replace(a, 2, MAIN)
    (found,) = [one for one in await server.findings(a, 2) if one["code"] == "F0209"]
    assert "save it first" in found["message"]
    server.close(a)


async def test_places_are_right_with_marks_line_ends_and_wide_characters(server: Editor, tmp_path: Path) -> None:
    text = '\ufeff# 😀\r\nflow f(mail: text) {\r\n  x = ask "😀é {{ mail }} {{ nope }}"\r\n  return x\r\n}'
    a = uri(tmp_path, "a.flow")
    server.open(a, text)
    (found,) = await server.findings(a, 1)
    start = text.split("\r\n")[2].index("nope") + 1
    assert found["range"]["start"] == {"line": 2, "character": start}
    assert found["range"]["end"] == {"line": 2, "character": start + 4}
    server.change(a, 2, put(2, start, start + 4, "mail"))
    assert await server.findings(a, 2) == []
    edits = await server.ask("textDocument/formatting", a, options={"tabSize": 2, "insertSpaces": True})
    assert edits == [] or all("\r\n" in one["newText"] or "\n" not in one["newText"] for one in edits)
    server.close(a)


async def test_a_file_of_settings_that_is_wrong_is_told_at_its_place(server: Editor, tmp_path: Path) -> None:
    settings, a = uri(tmp_path, "flowrun.toml", "modle = 'x'\n"), uri(tmp_path, "a.flow", FLOW)
    server.open(a, FLOW)
    await server.findings(a, 1)
    assert "did you mean `model`?" in server.shown[settings][1][0]["message"]
    (tmp_path / "flowrun.toml").unlink()
    server.tell("workspace/didChangeWatchedFiles", changes=[{"uri": settings, "type": 3}])
    await server.until(lambda: server.shown[settings][1] == [])
    server.close(a)


async def test_the_lints_of_the_project_are_shown(server: Editor, tmp_path: Path) -> None:
    text = FLOW.replace("mail: text", "mail: text, other: text")
    a, settings = uri(tmp_path, "a.flow", text), tmp_path / "flowrun.toml"

    def tell(kind: int) -> None:
        server.tell("workspace/didChangeWatchedFiles", changes=[{"uri": settings.as_uri(), "type": kind}])

    server.open(a, text)
    assert await server.codes(a, 1) == ["F0711"]
    settings.write_text('[lint]\nignore = ["F0711"]\n', encoding="utf-8")
    tell(1)
    await server.until(lambda: not server.shown[a][1])
    settings.write_text('[lint]\nignroe = ["F0711"]\n', encoding="utf-8")
    tell(2)
    await server.until(lambda: server.shown[a][1])
    assert "ignroe" in server.shown[settings.as_uri()][1][0]["message"]
    settings.unlink()
    tell(3)
    await server.until(lambda: not server.shown[settings.as_uri()][1])
    server.close(a)


async def test_formatting_makes_what_fmt_makes_and_leaves_a_broken_text(server: Editor, tmp_path: Path) -> None:
    text = FLOW.replace("  x = ask", "x   =  ask").replace("\n  return", "\n\n\n\n      return")
    a = uri(tmp_path, "a.flow")
    options = {"tabSize": 2, "insertSpaces": True}
    server.open(a, text)
    edits = await server.ask("textDocument/formatting", a, options=options)
    lines = text.splitlines(keepends=True)
    for one in reversed(edits):
        first, last = one["range"]["start"], one["range"]["end"]
        assert first["character"] == last["character"] == 0
        lines[first["line"] : last["line"]] = [one["newText"]]
    assert "".join(lines) == FLOW.replace("\n  return", "\n\n  return")
    server.replace(a, 2, text.replace("{", "[", 1))
    assert await server.ask("textDocument/formatting", a, options=options) is None
    server.close(a)


async def test_requests_of_our_own_draw_and_plan(server: Editor, tmp_path: Path) -> None:
    a = uri(tmp_path, "a.flow", FLOW)
    server.open(a, FLOW)
    drawn = await server.ask("flowrun/graph", uri=a)
    assert drawn["text"].startswith("<svg") and drawn["version"] == 1
    assert (await server.ask("flowrun/graph", uri=a, flow="f", format="mermaid"))["text"].startswith("flowchart")
    planned = await server.ask("flowrun/plan", uri=a)
    assert "calls 1 to 3" in planned["text"]
    command = {"command": "flowrun.server.graph", "arguments": [{"uri": a, "format": "dot"}]}
    assert (await server.ask("workspace/executeCommand", **command))["text"].startswith("digraph")
    for wrong, reason in (
        ({"uri": a, "flow": "g"}, "no flow is called `g`"),
        ({"uri": a, "format": "png"}, "svg, mermaid, dot"),
        ({"uri": 5}, "give an object"),
        ({"uri": "file:///nowhere.flow"}, "no flow that is open"),
    ):
        with pytest.raises(RefusedError, match=re.escape(reason)):
            await server.ask("flowrun/graph", **wrong)
    server.replace(a, 2, FLOW.replace("return x", "return y"))
    with pytest.raises(RefusedError, match="has errors"):
        await server.ask("flowrun/plan", uri=a)
    server.close(a)


async def test_a_file_that_may_not_be_read_is_told(server: Editor, tmp_path: Path) -> None:
    uri(tmp_path, "lib.flow", b"\xff\xfe\x00binary\x00")
    main = uri(tmp_path, "main.flow", MAIN)
    server.open(main, MAIN)
    (found,) = await server.findings(main, 1)
    assert "UTF-" in found["message"]
    (tmp_path / "lib.flow").unlink()
    os.mkfifo(tmp_path / "lib.flow")
    server.change(main, 2, put(5, 0, 0, " "))
    (found,) = await server.findings(main, 2)
    assert "is a device" in found["message"]
    server.close(main)


async def test_an_editor_may_ask_for_diagnostics(tmp_path: Path) -> None:
    lib, main = uri(tmp_path, "lib.flow", LIB), uri(tmp_path, "main.flow", MAIN)
    able = {"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": True}}}
    async with editor(tmp_path, begin=False) as one:
        await one.initialize(tmp_path, able, diagnostics="pull")
        assert one.capabilities["diagnosticProvider"]["interFileDependencies"]
        one.open(main, MAIN)
        assert (await one.ask("textDocument/diagnostic", main)) == {"kind": "full", "items": []}
        one.open(lib, LIB.replace("shorten", "cut"))
        await one.until(lambda: sum(asked["method"] == "workspace/diagnostic/refresh" for asked in one.asked) >= 3)
        (found,) = (await one.ask("textDocument/diagnostic", main))["items"]
        assert "shorten" in found["message"]
        one.close(lib)
        assert (await one.ask("textDocument/diagnostic", main))["items"] == []
        assert main not in one.shown
        assert await one.end() == 0
    async with editor(tmp_path, able) as other:
        assert "diagnosticProvider" not in other.capabilities
