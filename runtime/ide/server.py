"""The server: the open documents, their checks, and what the editor can do."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version

from lsprotocol import converters
from lsprotocol import types as lsp

from flowrun.dsl import ide

from .addresses import path_of
from .checks import Checks, Seen
from .documents import Change, Document, Documents
from .pictures import PlanView
from .protocol import FlowProtocol, QuietServer
from .published import Published
from .ranges import Ranges
from .wire import Broken, Reader, Stream, Writer, messages

log = logging.getLogger("flowrun.lsp")
SWITCH = 0.001
"""The seconds after which a check lets an answer run. Python's usual five thousandths are felt at each hover."""
_SETTINGS = ("flowrun.toml", "settings.toml")


class FlowServer(QuietServer):
    """The language server. All methods are called in the event loop."""

    protocol: FlowProtocol

    def __init__(self) -> None:
        super().__init__(
            "flowrun",
            version("flowrun-dsl"),
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            protocol_cls=FlowProtocol,
            converter_factory=converters.get_converter,
        )
        self.documents = Documents()
        self.ranges = Ranges(self.documents)
        self.published = Published(self.ranges, self._show)
        self.checks = Checks(self.documents, self._checked)
        self.code: int | None = None

    def opened(self, document: Document) -> None:
        self.documents.put(document)
        self.ranges.forget()
        self.checks.touch(document, wait=False)

    def changed(self, uri: str, changes: Sequence[Change], number: int) -> None:
        document = self.documents.get(uri)
        if document is None:
            log.warning("a change of a document that is not open: %s", uri[:200])
            return
        after = document.changed(changes, number, self.ranges.encoding)
        self.documents.put(after)
        self.checks.touch(after)

    def closed(self, uri: str) -> None:
        document = self.documents.drop(uri)
        self.ranges.forget()
        self.checks.forget(uri)
        self.published.drop(uri)
        if document is not None and document.real:
            self.checks.changed(document.real)

    def files_changed(self, uris: Sequence[str]) -> None:
        """Check the flows that use these files or folders, because they were changed, made, moved or deleted."""
        for uri in uris:
            path = path_of(uri)
            if path:
                self.checks.changed(os.path.realpath(path), all_flows=os.path.basename(path) in _SETTINGS)

    def stop(self, code: int) -> None:
        self.code = code

    def _checked(self, seen: Seen) -> None:
        self.published.put(seen)

    def _show(self, uri: str, number: int | None, found: list[lsp.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, number))

    def view_now(self, document: Document) -> ide.View | None:
        """Return a view of the text as it is, with the names of the last check. None before the first check."""
        seen = self.checks.seen.get(document.uri)
        if seen is None or seen.view is None:
            return None
        view = seen.view
        if seen.document is document:
            return view
        return ide.View(
            document.source, view.catalog, view.load, view.findings, view.checked, fresh=False, files=view.files
        )

    def views_beside(self, uri: str) -> list[ide.View]:
        """Return the views of the other open flows."""
        return [one.view for other, one in self.checks.seen.items() if other != uri and one.view is not None]


async def serve(server: FlowServer, stream: Stream, out: int) -> int:
    """Answer the messages of a stream until its end, or until the editor ends the server. Return the exit code."""
    writer = Writer(out)
    server.protocol.set_writer(writer)
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | Broken | None] = asyncio.Queue()

    def read() -> None:
        # A loop that is closed takes nothing more: the server has ended.
        with suppress(RuntimeError):
            with suppress(OSError):
                for message in messages(stream):
                    loop.call_soon_threadsafe(waiting.put_nowait, message)
            loop.call_soon_threadsafe(waiting.put_nowait, None)

    threading.Thread(target=read, name="messages", daemon=True).start()
    while server.code is None and not writer.gone and (message := await waiting.get()) is not None:
        if isinstance(message, Broken):
            server.protocol.refuse(None, lsp.ErrorCodes.ParseError, message.reason)
        else:
            server.protocol.take(message)
        # A request begins before the next message changes the text that it is about.
        await asyncio.sleep(0)
    return (0 if server.protocol.over else 1) if server.code is None else server.code


def main(given: int, out: int, plan_view: PlanView) -> int:
    """Serve one editor. Everything but the protocol goes to standard error. Return the exit code.

    ``given`` and ``out`` are the numbers of the streams from the editor and to it. ``plan_view`` writes the bounds of
    a plan.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="flowrun lsp: %(message)s")
    # Faults are told by the server, each once.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    sys.setswitchinterval(SWITCH)
    from .features import register

    server = FlowServer()
    register(server, plan_view)
    return asyncio.run(serve(server, Reader(given), out))
