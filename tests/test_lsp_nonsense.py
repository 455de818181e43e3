"""Broken messages and huge, deep, cyclic texts: the language server tells, refuses, and lives."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support.command_line import command
from support.editor import Editor, RefusedError, editor
from support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOW = 'flow f(mail: text) {\n  x = ask "Sum up: {{ mail }}"\n  return x\n}\n'
ABOUT_A_PLACE = "hover completion signatureHelp definition documentHighlight references prepareRename".split()
ABOUT_A_TEXT = ("documentSymbol", "foldingRange", "semanticTokens/full", "codeLens", "documentLink")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editor(tmp_path_factory.mktemp("home")) as one:
        yield one
        assert await one.end() == 0
        assert "this is a bug" not in one.log.decode(), one.log.decode()


@pytest_asyncio.fixture(loop_scope="module")
async def a(server: Editor, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an open flow."""
    uri = (tmp_path / "a.flow").as_uri()
    server.open(uri, FLOW)
    await server.findings(uri, 1)
    yield uri
    server.close(uri)


async def alive(server: Editor, uri: str) -> None:
    """The server answers, and still checks."""
    assert await server.ask("textDocument/documentSymbol", uri) is not None
    version = (server.shown[uri][0] or 0) + 1
    server.change(uri, version, {"text": FLOW.replace("return x", "return q")})
    assert await server.codes(uri, version) == ["F0701", "F0201"] or server.shown[uri][1]
    server.change(uri, version + 1, {"text": FLOW})
    assert await server.findings(uri, version + 1) == []


BODIES: tuple[bytes, ...] = (
    b"",
    b"{",
    b"nonsense",
    b"\xff\xfe\x00",
    b"[]",
    b"[1, 2]",
    b"5",
    b"null",
    b'"text"',
    b"{}",
    b'{"jsonrpc": "1.0", "method": "x"}',
    b'{"jsonrpc": "2.0"}',
    b'{"jsonrpc": "2.0", "id": 1}',
    b'{"jsonrpc": "2.0", "id": null, "method": "textDocument/hover"}',
    b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "textDocument/hover"}',
    b'{"jsonrpc": "2.0", "id": 1.5, "method": "textDocument/hover", "params": {}}',
    b'{"jsonrpc": "2.0", "method": 5}',
    b'{"jsonrpc": "2.0", "method": ["initialize"], "id": 9000}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": null}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 5}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen"}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 12345}}',
    b'{"jsonrpc": "2.0", "method": "$/unknown", "params": {}}',
    b'{"jsonrpc": "2.0", "method": "exit", "params": {}, "id": "no", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"jsonrpc": "2.0", "id": 77, "result": {}}',
    b'{"jsonrpc": "2.0", "id": "other", "error": {"code": 1, "message": "x"}}',
    b'{"jsonrpc": "2.0", "id": 78, "error": 5}',
    b'{"jsonrpc": "2.0", "method": "workspace/didChangeWatchedFiles", "params": {"changes": [{"uri": 5}]}}',
    b'{"jsonrpc": "2.0", "method": "workspace/didRenameFiles", "params": {"files": [{"oldUri": "x:", "newUri": ""}]}}',
    b'{"jsonrpc": "2.0", "method": "notebookDocument/didChange", "params": {}}',
    b"9" * 5000,
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:60].decode("latin-1"))
async def test_a_broken_message_hurts_nothing(server: Editor, a: str, body: bytes) -> None:
    server.send_bytes(body)
    assert await server.ask("textDocument/foldingRange", a) is not None


async def test_garbage_between_messages_is_passed_over(server: Editor, a: str) -> None:
    server.send_raw(b"garbage\r\n\r\nContent-Length: x\r\n\r\n")
    assert await server.ask("textDocument/foldingRange", a) is not None


@pytest.mark.parametrize("method", ["textDocument/nothing", "flowrun/nothing", "", "textDocument/rangeFormatting"])
async def test_an_unknown_method_is_refused(server: Editor, a: str, method: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await server.ask(method, a)
    assert caught.value.code == -32601


@pytest.mark.parametrize(
    "params", [None, [], 5, {}, {"textDocument": None}, {"textDocument": {"uri": 5}, "position": 1}]
)
async def test_wrong_parameters_are_refused_by_number(server: Editor, a: str, params: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        await asyncio.wait_for(server.request("textDocument/hover", params), PATIENCE)
    assert caught.value.code == -32602


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (2**40, 0)])
async def test_a_place_that_can_be_none_is_refused(server: Editor, a: str, place: tuple[int, int]) -> None:
    with pytest.raises(RefusedError) as caught:
        await server.at("textDocument/hover", a, *place)
    assert caught.value.code == -32602


@pytest.mark.parametrize("place", [(10**6, 0), (0, 10**6), (4, 0), (3, 1), (2**31 - 1, 2**31 - 1)])
async def test_a_place_beyond_the_end_is_answered(server: Editor, a: str, place: tuple[int, int]) -> None:
    for method in ABOUT_A_PLACE:
        more: Any = {"context": {"includeDeclaration": True}} if method == "references" else {}
        try:
            await server.at(f"textDocument/{method}", a, *place, **more)
        except RefusedError as error:
            assert method == "prepareRename" and error.code == -32803
    with pytest.raises(RefusedError) as caught:
        await server.at("textDocument/rename", a, *place, newName="b")
    assert caught.value.code == -32803


async def test_a_document_that_is_not_open_has_no_answers(server: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "closed.flow").as_uri()
    server.change(uri, 2, {"text": FLOW})
    server.close(uri)
    for method in ABOUT_A_TEXT:
        assert not (await server.ask(f"textDocument/{method}", uri)) or method.startswith("semantic")
    assert await server.at("textDocument/hover", uri, 0, 0) is None
    assert uri not in server.shown or server.shown[uri][1] == []


async def test_a_wrong_change_of_a_document_keeps_the_server(server: Editor, a: str) -> None:
    far = {"start": {"line": 99, "character": 9}, "end": {"line": 0, "character": 0}}
    server.change(a, 2, {"range": far, "text": "é"}, {"range": far, "text": ""}, {"text": "\ud800 \udc00"})
    assert await server.findings(a, 2)
    await alive(server, a)


async def test_zero_bytes_are_told(server: Editor, a: str) -> None:
    server.change(a, 2, {"text": "flow\0f"})
    (found,) = await server.findings(a, 2)
    assert "zero byte" in found["message"]
    for method in ABOUT_A_TEXT:
        await server.ask(f"textDocument/{method}", a)
    assert await server.ask("textDocument/formatting", a, options={"tabSize": 2, "insertSpaces": True}) is None
    server.change(a, 3, {"text": FLOW})
    assert await server.findings(a, 3) == []


@pytest.mark.parametrize(
    "text",
    [
        'flow f() {\n  x = ask "' + "words 😀 " * 120_000 + '"\n  return x\n}\n',
        "x" * (1 << 20),
        "{" * 10_000,
        "flow f() {\n  return " + "(" * 5000 + "1" + ")" * 5000 + "\n}\n",
        "flow f() {\n" + "  map x in xs {\n" * 2000,
        '"{{ ' * 12_000,
        "\x00\x01\x02" * 1000,
        "\u2028\x0b\x85" * 1000,
        "# \ud83d\n" * 1000,
    ],
    ids=["long line", "long word", "braces", "nested", "deep maps", "templates", "binary", "ends", "halves"],
)
async def test_a_strange_text_is_told_and_the_server_lives(server: Editor, a: str, text: str) -> None:
    server.change(a, 2, {"text": text})
    await server.findings(a, 2)
    for method in ABOUT_A_TEXT:
        await server.ask(f"textDocument/{method}", a)
    await server.at("textDocument/hover", a, 1, 12)
    await server.at("textDocument/completion", a, 1, 12)
    server.change(a, 3, {"text": FLOW})
    assert await server.findings(a, 3) == []


async def test_a_file_of_twenty_megabytes_is_told(server: Editor, a: str) -> None:
    text = FLOW + "# a line of a comment, which is long enough to fill a file\n" * 350_000
    server.change(a, 2, {"text": text})
    await server.findings(a, 2)
    server.change(
        a, 3, {"range": {"start": {"line": 2, "character": 9}, "end": {"line": 2, "character": 10}}, "text": "q"}
    )
    await server.findings(a, 3)
    server.change(a, 4, {"text": FLOW})
    assert await server.findings(a, 4) == []


async def test_files_that_import_each_other_are_told(server: Editor, tmp_path: Path) -> None:
    one, two = tmp_path / "one.flow", tmp_path / "two.flow"
    one.write_text('import "two.flow"\n' + FLOW, encoding="utf-8")
    two.write_text('import "one.flow"\n' + FLOW.replace("flow f", "flow g"), encoding="utf-8")
    server.open(one.as_uri(), one.read_text(encoding="utf-8"))
    server.open(two.as_uri(), two.read_text(encoding="utf-8"))
    assert "F0204" in await server.codes(one.as_uri(), 1) + await server.codes(two.as_uri(), 1)
    server.change(two.as_uri(), 2, {"text": FLOW.replace("flow f", "flow g")})
    await server.until(lambda: not server.shown[one.as_uri()][1] and not server.shown[two.as_uri()][1])
    server.close(one.as_uri())
    server.close(two.as_uri())


async def test_a_long_check_does_not_hold_up_a_hover(server: Editor, a: str) -> None:
    steps = "".join(f'  x{n} = ask "Sum up: {{{{ mail }}}} {n}"\n' for n in range(3000))
    text = f"flow f(mail: text) {{\n{steps}  return x1\n}}\n"
    server.change(a, 2, {"text": text})
    await asyncio.sleep(0.15)
    assert server.shown[a][0] != 2, "the check must take longer than this"
    await server.at("textDocument/hover", a, 1, 3)
    assert server.shown[a][0] != 2
    server.change(a, 3, {"text": FLOW})
    assert await server.findings(a, 3) == []


async def test_before_and_after_its_time_the_server_refuses(tmp_path: Path) -> None:
    async with editor(tmp_path, begin=False) as one:
        with pytest.raises(RefusedError) as caught:
            await one.ask("textDocument/hover", "file:///a.flow", position={"line": 0, "character": 0})
        assert caught.value.code == -32002
        one.open("file:///a.flow", FLOW)
        await one.initialize(None, {})
        assert one.capabilities["positionEncoding"] == "utf-16"
        with pytest.raises(RefusedError):
            await one.ask("initialize", processId=None, rootUri=None, capabilities={})
        await one.request("shutdown", None)
        with pytest.raises(RefusedError):
            await one.ask("textDocument/hover", "file:///a.flow", position={"line": 0, "character": 0})
        one.send({"jsonrpc": "2.0", "method": "exit"})
        assert await one.ended() == 0


@pytest.mark.parametrize("encodings", [["utf-8"], ["utf-32", "utf-16"], ["utf-7", "utf-8"]])
async def test_the_editor_chooses_the_units(tmp_path: Path, encodings: list[str]) -> None:
    async with editor(tmp_path, {"general": {"positionEncodings": encodings}}) as one:
        chosen = one.capabilities["positionEncoding"]
        assert chosen == next(name for name in encodings if name != "utf-7")
        uri = (tmp_path / "a.flow").as_uri()
        one.open(uri, FLOW.replace("Sum up:", "😀é {{ nope }}"))
        (found,) = await one.findings(uri, 1)
        before = '  x = ask "😀é {{ '
        units = {"utf-8": len(before.encode()), "utf-32": len(before)}[chosen]
        assert found["range"]["start"] == {"line": 1, "character": units}
        place = {"start": {"line": 1, "character": units}, "end": {"line": 1, "character": units + 4}}
        one.change(uri, 2, {"range": place, "text": "mail"})
        assert await one.findings(uri, 2) == []
        # An editor that goes without a word ends the server.
        assert one.process.stdin is not None
        one.process.stdin.close()
        assert await one.ended() == 1


async def test_without_a_stream_the_server_ends(tmp_path: Path) -> None:
    assert (await command("lsp", folder=tmp_path)).code == 1
    run = f"exec {sys.executable} -c 'from flowrun.runtime.cli import main; main()' lsp <&- 2>&1"
    process = await asyncio.create_subprocess_shell(run, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, out) == (1, b"")


async def test_exit_without_shutdown_is_told_by_the_code(tmp_path: Path) -> None:
    async with editor(tmp_path) as one:
        one.send({"jsonrpc": "2.0", "method": "exit"})
        assert await one.ended() == 1


async def test_the_end_does_not_wait_for_a_check(tmp_path: Path) -> None:
    steps = "".join(f'  x{n} = ask "Sum up: {{{{ mail }}}} {n}"\n' for n in range(3000))
    uri = (tmp_path / "a.flow").as_uri()
    async with editor(tmp_path) as one:
        one.open(uri, f"flow f(mail: text) {{\n{steps}  return x1\n}}\n")
        await asyncio.sleep(0.1)
        hint = one.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
        assert await one.end() == 0
        # Development mode reports slow callbacks; on a busy machine many are slow.
        said = [line for line in one.log.decode().splitlines() if "Executing <" not in line]
        assert said == []
        assert hint.done() and isinstance(hint.exception(), RefusedError | ConnectionError)


async def test_a_stray_print_does_not_reach_the_protocol(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from flowrun.runtime.ide import checks\n"
        "look = checks.ide.look\n"
        "def loud(*given, **more):\n"
        "    print('stray'); sys.stdout.flush(); os.write(1, b'stray'); os.system('echo stray')\n"
        "    return look(*given, **more)\n"
        "checks.ide.look = loud\n"
        "from flowrun.runtime.cli import main\n"
        "main()\n"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "lsp", stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 26
    )
    one = Editor(process)
    one.begin()
    await one.initialize(tmp_path)
    uri = (tmp_path / "a.flow").as_uri()
    one.open(uri, FLOW)
    assert await one.findings(uri, 1) == []
    assert await one.end() == 0
    assert one.log.count(b"stray") == 3


async def test_without_the_extra_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('no', name='pygls')", encoding="utf-8")
    done = await command("lsp", folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.code == 2
    assert done.err == "flowrun: the language server needs an extra: `pip install 'flowrun-dsl[lsp]'`\n"
    assert json.dumps(done.out) == '""'
