"""An editor for tests of the language server: a client of its own over the standard streams of `flowrun lsp`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from . import forked
from .command_line import PYTHON
from .patience import PATIENCE

Json = dict[str, Any]
ABLE: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
    },
}
"""The abilities of a full editor."""
LONGEST = 1 << 26


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.error = error


class Editor:
    """A client of one server. ``shown`` has the newest diagnostics of each document, with the version."""

    def __init__(self, process: asyncio.subprocess.Process | forked.Started) -> None:
        self.process = process
        self.shown: dict[str, tuple[int | None, list[Json]]] = {}
        self.asked: list[Json] = []
        self.loose: list[Json] = []
        self.capabilities: Json = {}
        self.log = bytearray()
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self._readers: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._readers = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._read_log())]

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(65536):
            self.log += piece

    async def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := await stream.readline():
            assert line.startswith(b"Content-Length: "), line
            while (await stream.readline()).strip():
                pass
            self._take(json.loads(await stream.readexactly(int(line.split(b":")[1]))))
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError(self.log.decode()))

    def _take(self, message: Json) -> None:
        if "method" in message:
            if message["method"] == "textDocument/publishDiagnostics":
                params = message["params"]
                self.shown[params["uri"]] = (params.get("version"), params["diagnostics"])
            else:
                self.asked.append(message)
                if "id" in message:
                    self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        elif (future := self._answers.pop(message.get("id", -1), None)) is None:
            self.loose.append(message)
        elif "error" in message:
            future.set_exception(RefusedError(message["error"]))
        else:
            future.set_result(message["result"])
        self._news.set()

    def send(self, message: Any) -> None:
        self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, body: bytes) -> None:
        self.send_raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def tell(self, method: str, **params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any) -> asyncio.Future[Any]:
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return future

    async def ask(self, method: str, uri: str = "", /, **params: Any) -> Any:
        about = {"textDocument": {"uri": uri}} if uri else {}
        return await asyncio.wait_for(self.request(method, {**about, **params}), PATIENCE)

    async def at(self, method: str, uri: str, line: int, column: int, **params: Any) -> Any:
        return await self.ask(method, uri, position={"line": line, "character": column}, **params)

    def open(self, uri: str, text: str, version: int = 1, language: str = "flowrun") -> None:
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.tell("textDocument/didOpen", textDocument=item)

    def change(self, uri: str, version: int, *changes: Json) -> None:
        self.tell("textDocument/didChange", textDocument={"uri": uri, "version": version}, contentChanges=changes)

    def replace(self, uri: str, version: int, text: str) -> None:
        self.change(uri, version, {"text": text})

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", textDocument={"uri": uri})

    async def findings(self, uri: str, version: int | None) -> list[Json]:
        """Wait for the diagnostics of a version of a document."""
        await self.until(lambda: uri in self.shown and self.shown[uri][0] == version)
        return self.shown[uri][1]

    async def codes(self, uri: str, version: int | None) -> list[str]:
        return [one.get("code", "") for one in await self.findings(uri, version)]

    async def until(self, holds: Any) -> None:
        """Wait until a condition holds. It is looked at after each message."""

        async def wait() -> None:
            while not holds():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    async def initialize(self, folder: Path | None, able: Json | None = None, **options: Any) -> None:
        folders = [] if folder is None else [{"uri": folder.as_uri(), "name": folder.name}]
        params: Json = {"processId": os.getpid(), "rootUri": None, "capabilities": ABLE if able is None else able}
        params |= {"initializationOptions": options} if options else {}
        self.capabilities = (await self.ask("initialize", **params, workspaceFolders=folders))["capabilities"]
        self.tell("initialized")

    async def end(self) -> int:
        """End the server as editors do. Return its exit code."""
        await asyncio.wait_for(self.request("shutdown", None), PATIENCE)
        self.send({"jsonrpc": "2.0", "method": "exit"})
        return await self.ended()

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await asyncio.wait(self._readers, timeout=PATIENCE)
        return code


@asynccontextmanager
async def editor(
    folder: Path | None, able: Json | None = None, *, quick: bool = False, begin: bool = True
) -> AsyncIterator[Editor]:
    """Start a server and an editor for it. ``quick`` leaves out Python's development mode; it starts slower."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder or "/nonexistent")}
    process: asyncio.subprocess.Process | forked.Started
    if quick:
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", "lsp"]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, limit=LONGEST
        )
    else:
        process = await forked.begin(PYTHON, ["lsp"], Path.cwd(), environ, LONGEST)
    one = Editor(process)
    one.begin()
    try:
        if begin:
            await one.initialize(folder, able)
        yield one
    finally:
        if process.returncode is None:
            process.kill()
            await one.ended()
        for reader in one._readers:
            reader.cancel()
