"""The server: the open documents, their checks, and what the editor can do."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from importlib.metadata import version

from lsprotocol import converters
from lsprotocol import types as lsp

from flowrun.dsl import Source, ide

from .addresses import path_of
from .checks import Checks, Seen
from .documents import Change, Document, Documents
from .protocol import FlowProtocol, QuietServer
from .published import Published
from .ranges import Ranges

log = logging.getLogger("flowrun.lsp")
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
        self.pulled = False
        """True if the editor asks for the diagnostics of open documents."""
        self.refreshed = False
        """True if such an editor wants to hear when to ask again."""
        self._ahead: tuple[ide.View, Source, ide.View] | None = None

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
        if self.refreshed:
            self.workspace_diagnostic_refresh(None)

    def _show(self, uri: str, number: int | None, found: list[lsp.Diagnostic]) -> None:
        if self.pulled and number is not None:
            return
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, number))

    def view_now(self, document: Document) -> ide.View | None:
        """Return a view of the text as it is, with the names of the last check. None before the first check."""
        seen = self.checks.seen.get(document.uri)
        if seen is None or seen.view is None:
            return None
        view = seen.view
        if seen.document is document:
            return view
        if self._ahead is None or self._ahead[:2] != (view, document.source):
            after = ide.View(
                document.source,
                view.catalog,
                view.load,
                view.findings,
                view.checked,
                fresh=False,
                files=view.files,
                shift=ide.shift.between(view.known.text, document.source.text),
            )
            # The names are those of the last check.
            after.index = view.index
            self._ahead = view, document.source, after
        return self._ahead[2]

    def views(self) -> list[ide.View]:
        """Return the views of the open flows."""
        return [one.view for one in self.checks.seen.values() if one.view is not None]
