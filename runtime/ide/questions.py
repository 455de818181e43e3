"""The questions of an editor. Each function takes the parameters of a request, and returns its result.

Questions about a place are answered at once, from the names of the last check. Questions about the whole text wait for
the check of its newest state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from flowrun.dsl import Checked, Span, ide

from ..vocabulary.errors import UsageError
from . import forms
from . import tokens as token_numbers
from .client import Client
from .documents import Document
from .layout import layout
from .neighbours import Neighbours
from .pictures import PlanView, graph_text, plan_text
from .protocol import Outrun, Refused
from .ranges import place
from .server import FlowServer
from .surroundings import page_of, paths_below, price_in_words


class Desk:
    """The place where questions are answered: the server, and what its editor can take."""

    def __init__(self, server: FlowServer, client: Client, plan_view: PlanView) -> None:
        self.server = server
        self.client = client
        self.plan_view = plan_view
        self.neighbours = Neighbours(server)

    def document(self, uri: str) -> Document | None:
        return self.server.documents.get(uri)

    def offset(self, document: Document, position: lsp.Position) -> int:
        return self.server.ranges.home(document.source).places.offset(place(position))

    async def now(self, uri: str) -> tuple[Document, ide.View] | None:
        """Return a document with a view of its text, without waiting for a check, except for the first one."""
        document = self.document(uri)
        if document is None or not document.is_flow:
            return None
        view = self.server.view_now(document)
        if view is None:
            seen = await self.server.checks.newest(uri)
            view = None if seen is None or seen.document is not document else seen.view
        return None if view is None else (document, view)

    async def checked(self, uri: str) -> ide.View | None:
        """Return the view of the newest text of a document, after its check."""
        seen = await self.server.checks.newest(uri)
        return None if seen is None else seen.view

    async def same(self, uri: str) -> tuple[Document, ide.View]:
        """Return a document and the view of just this text, after its check. Raises Outrun, Refused."""
        document = self.document(uri)
        view = await self.checked(uri)
        if document is None or view is None:
            raise Refused("this is no flow that flowrun has checked")
        if view.source is not document.source:
            raise Outrun()
        return document, view


async def hover(desk: Desk, params: lsp.HoverParams) -> lsp.Hover | None:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return None
    document, view = found
    told = ide.hover(view, desk.offset(document, params.position), price_in_words)
    return None if told is None else forms.hover(told, desk.server.ranges, markdown=desk.client.markdown)


async def completion(desk: Desk, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return None
    document, view = found

    def paths(folder: str) -> Any:
        return paths_below(Path(document.name).parent / folder) if document.on_disk else ()

    proposals = ide.complete(view, desk.offset(document, params.position), paths)
    client = desk.client
    return forms.completions(proposals, desk.server.ranges, snippets=client.snippets, markdown=client.markdown)


async def signature(desk: Desk, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return None
    document, view = found
    told = ide.signature(view, desk.offset(document, params.position))
    return None if told is None else forms.signature(told, desk.server.ranges)


async def definition(desk: Desk, params: lsp.DefinitionParams) -> list[lsp.Location]:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return []
    document, view = found
    spans = ide.definition(view, desk.offset(document, params.position))
    return [desk.server.ranges.location(one) for one in spans]


async def references(desk: Desk, params: lsp.ReferenceParams) -> list[lsp.Location]:
    document, view = await desk.same(params.text_document.uri)
    at = desk.offset(document, params.position)
    others = await desk.neighbours.views(document)
    spans = ide.references(view, at, others, declared=params.context.include_declaration)
    return [desk.server.ranges.location(one) for one in spans]


async def highlights(desk: Desk, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return []
    document, view = found
    spans = ide.references(view, desk.offset(document, params.position))
    home = desk.server.ranges.home(document.source)
    return [
        lsp.DocumentHighlight(desk.server.ranges.range(one))
        for one in spans
        if desk.server.ranges.home(one.source).uri == home.uri
    ]


async def renamed(desk: Desk, params: lsp.PrepareRenameParams) -> lsp.Range:
    document, view = await desk.same(params.text_document.uri)
    found = ide.renamed(view, desk.offset(document, params.position))
    if isinstance(found, ide.Refusal):
        raise Refused(found.reason)
    return desk.server.ranges.range(found)


async def rename(desk: Desk, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    document, view = await desk.same(params.text_document.uri)
    at = desk.offset(document, params.position)
    others = await desk.neighbours.views(document)
    found = ide.rename(view, at, params.new_name, others)
    if isinstance(found, ide.Refusal):
        raise Refused(found.reason)
    if desk.document(document.uri) is not document:
        raise Outrun()
    return desk.server.ranges.workspace_edit(found, versions=desk.client.versions)


async def symbols(desk: Desk, params: lsp.DocumentSymbolParams) -> list[Any]:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return []
    found = ide.symbols(view)
    return (forms.outline if desk.client.trees else forms.flat)(found, desk.server.ranges)


async def workspace_symbols(desk: Desk, params: lsp.WorkspaceSymbolParams) -> list[lsp.SymbolInformation]:
    return await desk.neighbours.symbols(params.query)


async def folds(desk: Desk, params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
    view = await desk.checked(params.text_document.uri)
    return [] if view is None else forms.folds(ide.folds(view), desk.server.ranges)


async def selections(desk: Desk, params: lsp.SelectionRangeParams) -> list[lsp.SelectionRange]:
    found = await desk.now(params.text_document.uri)
    if found is None:
        return []
    document, view = found
    made = []
    for one in params.positions:
        at = desk.offset(document, one)
        spans = ide.ranges(view, at) or (document.source.span(at, at),)
        chain = forms.selection(spans, desk.server.ranges)
        made += [] if chain is None else [chain]
    return made


async def tokens(desk: Desk, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return lsp.SemanticTokens([])
    return lsp.SemanticTokens(token_numbers.numbers(ide.tokens(view), desk.server.ranges.home(view.source).places))


async def formatting(desk: Desk, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    document = desk.document(params.text_document.uri)
    if document is None or not document.is_flow or "\0" in document.text:
        return None
    edits = await asyncio.to_thread(layout, document.source)
    if desk.document(document.uri) is not document:
        raise Outrun()
    # A text that cannot be read stays as it is. Its diagnostics say why.
    return None if edits is None else [desk.server.ranges.edit(one) for one in edits]


async def actions(desk: Desk, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    document, view = await desk.same(params.text_document.uri)
    start, end = desk.offset(document, params.range.start), desk.offset(document, params.range.end)
    wanted = params.context.only
    found: list[ide.Action] = []
    if wanted is None or any(lsp.CodeActionKind.QuickFix.value.startswith(one) for one in wanted):
        found += (one for one in ide.actions(view, min(start, end), max(start, end)) if one.kind != "all")
    if wanted is None or any(f"{forms.FIX_ALL}.".startswith(f"{getattr(one, 'value', one)}.") for one in wanted):
        every = ide.fix_all(view)
        found += [] if every is None else [every]
    return forms.actions(found, desk.server.ranges, versions=desk.client.versions)


async def hints(desk: Desk, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return []
    places = desk.server.ranges.home(view.source).places
    part = Span(view.source, places.offset(place(params.range.start)), places.offset(place(params.range.end)))
    return forms.hints(ide.hints(view), part, desk.server.ranges)


async def links(desk: Desk, params: lsp.DocumentLinkParams) -> list[lsp.DocumentLink]:
    view = await desk.checked(params.text_document.uri)
    return [] if view is None else forms.links(ide.links(view, page_of), view.source.name, desk.server.ranges)


async def lenses(desk: Desk, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    view = await desk.checked(params.text_document.uri)
    return [] if view is None else forms.lenses(ide.lenses(view), params.text_document.uri, desk.server.ranges)


async def graph(desk: Desk, params: Any) -> dict[str, Any]:
    """Return a picture of a flow. ``params``: ``uri``, and perhaps ``flow`` and ``format``: svg, mermaid or dot."""
    uri, flow, form = _asked(params)
    return await _told(desk, uri, lambda checked: graph_text(checked, flow, form or "svg"))


async def plan(desk: Desk, params: Any) -> dict[str, Any]:
    """Return the plan of a flow without its inputs, as a text. ``params``: ``uri``, and perhaps ``flow``."""
    uri, flow, _ = _asked(params)
    return await _told(desk, uri, lambda checked: plan_text(checked, flow, desk.plan_view))


def _asked(params: Any) -> tuple[str, str | None, str | None]:
    """Return the address, the flow and the format that a request of our own gives. Raises Refused."""
    given = params if isinstance(params, dict) else getattr(params, "_asdict", dict)()
    uri, flow, form = (given.get(name) for name in ("uri", "flow", "format"))
    if not isinstance(uri, str) or not isinstance(flow, str | None) or not isinstance(form, str | None):
        raise Refused("give an object with the `uri` of a flow; `flow` and `format` are texts")
    return uri, flow, form


async def _told(desk: Desk, uri: str, write: Callable[[Checked], str]) -> dict[str, Any]:
    view = await desk.checked(uri)
    if view is None:
        raise Refused("this is no flow that is open in the editor")
    if not view.fresh or view.checked is None:
        raise Refused("the flow has errors; correct them first")
    try:
        text = await asyncio.to_thread(write, view.checked)
    except UsageError as error:
        raise Refused(str(error)) from None
    document = desk.document(uri)
    return {"text": text, "version": None if document is None else document.version}
