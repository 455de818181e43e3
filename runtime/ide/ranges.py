"""The spans of the checker as the editor's ranges, and its edits as changes of the editor's texts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from lsprotocol import types as lsp

from flowrun.dsl import Edit, Source, Span

from .addresses import uri_of
from .documents import Document, Documents
from .places import Place, Places

_MOST_KEPT = 200


class Home(NamedTuple):
    """The address of a source, its places, and the open document that has this text, if any."""

    uri: str
    places: Places
    document: Document | None


class Ranges:
    """The places of all texts that the checker knows, as the editor counts them."""

    def __init__(self, documents: Documents, encoding: str = "utf-16") -> None:
        self.documents = documents
        self.encoding = encoding
        self._kept: dict[Source, Home] = {}

    def forget(self) -> None:
        """Drop what is kept: a document was opened, changed or closed."""
        self._kept.clear()

    def home(self, source: Source) -> Home:
        found = self._kept.get(source)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[source] = self._home(source)
        return found

    def _home(self, source: Source) -> Home:
        document = self.documents.get(source.name)
        if document is None:
            real = os.path.realpath(source.name)
            document = next((one for one in self.documents if one.name == source.name), self.documents.at(real))
        if document is None:
            return Home(uri_of(source.name), Places(source, self.encoding), None)
        same = document.source is source or document.source.text == source.text
        return Home(document.uri, Places(source, self.encoding, document.head), document if same else None)

    def range(self, span: Span) -> lsp.Range:
        places = self.home(span.source).places
        return lsp.Range(position(places.place(span.start)), position(places.place(max(span.start, span.end))))

    def location(self, span: Span) -> lsp.Location:
        return lsp.Location(self.home(span.source).uri, self.range(span))

    def edit(self, edit: Edit) -> lsp.TextEdit:
        document = self.home(edit.span.source).document
        return lsp.TextEdit(self.range(edit.span), edit.text if document is None else document.as_written(edit.text))

    def workspace_edit(self, edits: Iterable[Edit], *, versions: bool) -> lsp.WorkspaceEdit:
        """Return changes of several texts. With ``versions`` the editor refuses them for a text that has changed."""
        made: dict[str, list[lsp.TextEdit]] = {}
        numbers: dict[str, int | None] = {}
        for one in edits:
            home = self.home(one.span.source)
            made.setdefault(home.uri, []).append(self.edit(one))
            numbers[home.uri] = None if home.document is None else home.document.version
        if not versions:
            return lsp.WorkspaceEdit(changes=made)
        return lsp.WorkspaceEdit(
            document_changes=[
                lsp.TextDocumentEdit(lsp.OptionalVersionedTextDocumentIdentifier(uri, numbers[uri]), changes)
                for uri, changes in made.items()
            ]
        )


def position(place: Place) -> lsp.Position:
    return lsp.Position(place.line, place.column)


def place(position: lsp.Position) -> Place:
    return Place(position.line, position.character)
