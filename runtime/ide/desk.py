"""The place where the questions of an editor are prepared: which document, which view, which offset."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from lsprotocol import types as lsp

from flowrun.dsl import ide

from .client import Client
from .documents import Document
from .neighbours import Neighbours
from .pictures import PlanView
from .protocol import Outrun, Refused
from .ranges import place
from .server import FlowServer


class AboutText(Protocol):
    """The parameters of a request about a document."""

    @property
    def text_document(self) -> lsp.TextDocumentIdentifier: ...


class Asked(NamedTuple):
    """A place that an editor asks about, with a view of its text.

    ``file`` is the name of a prompt's file; then ``view`` is that of a flow that uses it. It is "" for a flow.
    """

    document: Document
    view: ide.View
    at: int
    file: str = ""


class Desk:
    """The place where questions are answered: the server, and what its editor can take."""

    def __init__(self, server: FlowServer, client: Client, plan_view: PlanView) -> None:
        self.server = server
        self.client = client
        self.plan_view = plan_view
        self.neighbours = Neighbours(server)

    def document(self, uri: str) -> Document | None:
        return self.server.documents.get(uri)

    async def now(self, params: AboutText, position: lsp.Position) -> Asked | None:
        """Return a place with a view of its text, without waiting for a check, except for the first one.

        For the file of a prompt it is the view of an open flow that uses the file, after its check.
        """
        document = self.document(params.text_document.uri)
        if document is None:
            return None
        at = self.server.ranges.home(document.source).places.offset(place(position))
        if not document.is_flow:
            return await self._of_prompt(document, at)
        view = self.server.view_now(document)
        if view is None:
            seen = await self.server.checks.newest(document.uri)
            view = None if seen is None or seen.document is not document else seen.view
        return None if view is None else Asked(document, view, at)

    async def _of_prompt(self, document: Document, at: int) -> Asked | None:
        checks = self.server.checks
        for uri in [uri for uri, seen in checks.seen.items() if document.real in seen.asked]:
            seen = await checks.newest(uri)
            files = {} if seen is None or seen.view is None else seen.view.files
            for name, source in files.items():
                if source.text == document.source.text and self.server.ranges.home(source).uri == document.uri:
                    assert seen is not None and seen.view is not None
                    return Asked(document, seen.view, at, name)
        return None

    async def checked(self, uri: str) -> ide.View | None:
        """Return the view of the newest text of a document, after its check."""
        seen = await self.server.checks.newest(uri)
        return None if seen is None else seen.view

    async def same(self, params: AboutText, position: lsp.Position) -> Asked:
        """Return a place and the view of just this text, after its check. Raises Outrun, Refused."""
        document = self.document(params.text_document.uri)
        if document is not None and document.is_flow:
            at = self.server.ranges.home(document.source).places.offset(place(position))
            view = await self.checked(document.uri)
            if view is not None:
                if view.source is not document.source:
                    raise Outrun()
                return Asked(document, view, at)
        elif (found := await self.now(params, position)) is not None:
            return found
        raise Refused("this is no flow that flowrun has checked")
