"""The questions of an editor. Each function takes the parameters of a request, and returns its result.

Questions about a place are answered at once, from the names of the last check. Questions about the whole text wait for
the check of its newest state, and are worked out in the thread of the checks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from flowrun.dsl import Checked, Span, ide

from ..vocabulary.errors import UsageError
from . import forms
from . import tokens as token_numbers
from .desk import Desk
from .layout import layout
from .pictures import graph_text, plan_text
from .protocol import Outrun, Refused
from .ranges import place
from .surroundings import page_of, paths_below, price_in_words


async def hover(desk: Desk, params: lsp.HoverParams) -> lsp.Hover | None:
    asked = await desk.now(params, params.position)
    if asked is None:
        return None
    world = desk.server.checks.worlds.of(asked.view)
    told = ide.hover(asked.view, asked.at, price_in_words, world, file=asked.file)
    return None if told is None else forms.hover(told, desk.server.ranges, markdown=desk.client.markdown)


async def completion(desk: Desk, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    asked = await desk.now(params, params.position)
    if asked is None:
        return None
    document = asked.document

    def paths(folder: str) -> Any:
        return paths_below(Path(document.name).parent / folder) if document.on_disk else ()

    proposals = ide.complete(asked.view, asked.at, paths, file=asked.file)
    client = desk.client
    return forms.completions(proposals, desk.server.ranges, snippets=client.snippets, markdown=client.markdown)


async def signature(desk: Desk, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    asked = await desk.now(params, params.position)
    told = None if asked is None or asked.file else ide.signature(asked.view, asked.at)
    return None if told is None else forms.signature(told)


async def definition(desk: Desk, params: lsp.DefinitionParams) -> list[lsp.Location]:
    asked = await desk.now(params, params.position)
    spans = () if asked is None else ide.definition(asked.view, asked.at, file=asked.file)
    return [desk.server.ranges.location(one) for one in spans]


async def references(desk: Desk, params: lsp.ReferenceParams) -> list[lsp.Location]:
    asked = await desk.same(params, params.position)
    others = await desk.neighbours.views(asked.view)
    declared = params.context.include_declaration
    spans = await desk.server.checks.work(
        lambda: ide.references(asked.view, asked.at, others, declared=declared, file=asked.file)
    )
    return [desk.server.ranges.location(one) for one in spans]


async def highlights(desk: Desk, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    asked = await desk.now(params, params.position)
    spans = () if asked is None else ide.references(asked.view, asked.at, file=asked.file)
    ranges, uri = desk.server.ranges, params.text_document.uri
    return [lsp.DocumentHighlight(ranges.range(one)) for one in spans if ranges.home(one.source).uri == uri]


async def renamed(desk: Desk, params: lsp.PrepareRenameParams) -> lsp.Range:
    asked = await desk.same(params, params.position)
    found = ide.renamed(asked.view, asked.at, file=asked.file)
    if isinstance(found, ide.Refusal):
        raise Refused(found.reason)
    return desk.server.ranges.range(found)


async def rename(desk: Desk, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    asked = await desk.same(params, params.position)
    others = await desk.neighbours.views(asked.view)
    # The files are checked with their new names before they change.
    found = await desk.server.checks.work(
        lambda: ide.rename(asked.view, asked.at, params.new_name, others, file=asked.file)
    )
    if isinstance(found, ide.Refusal):
        raise Refused(found.reason)
    if desk.document(asked.document.uri) is not asked.document:
        raise Outrun()
    return desk.server.ranges.workspace_edit(found, versions=desk.client.versions)


async def diagnostics(desk: Desk, params: lsp.DocumentDiagnosticParams) -> lsp.RelatedFullDocumentDiagnosticReport:
    await desk.server.checks.newest(params.text_document.uri)
    return lsp.RelatedFullDocumentDiagnosticReport(desk.server.published.of(params.text_document.uri))


async def symbols(desk: Desk, params: lsp.DocumentSymbolParams) -> list[Any]:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return []
    found = await desk.server.checks.work(ide.symbols, view)
    return (forms.outline if desk.client.trees else forms.flat)(found, desk.server.ranges)


async def workspace_symbols(desk: Desk, params: lsp.WorkspaceSymbolParams) -> list[lsp.SymbolInformation]:
    return await desk.neighbours.symbols(params.query)


async def folds(desk: Desk, params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
    view = await desk.checked(params.text_document.uri)
    return [] if view is None else forms.folds(ide.folds(view), desk.server.ranges)


async def selections(desk: Desk, params: lsp.SelectionRangeParams) -> list[lsp.SelectionRange]:
    made = []
    for one in params.positions:
        asked = await desk.now(params, one)
        if asked is None or asked.file:
            return []
        # The answer has a chain for each place.
        spans = ide.ranges(asked.view, asked.at) or (asked.document.source.span(asked.at, asked.at),)
        chain = forms.selection(spans, desk.server.ranges)
        made += [] if chain is None else [chain]
    return made


async def tokens(desk: Desk, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return lsp.SemanticTokens([])
    places = desk.server.ranges.home(view.source).places
    return lsp.SemanticTokens(await desk.server.checks.work(lambda: token_numbers.numbers(ide.tokens(view), places)))


async def formatting(desk: Desk, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    document = desk.document(params.text_document.uri)
    if document is None or not document.is_flow or "\0" in document.text:
        return None
    edits = await desk.server.checks.work(layout, document.source)
    if desk.document(document.uri) is not document:
        raise Outrun()
    # A text that cannot be read stays as it is. Its diagnostics say why.
    return None if edits is None else [desk.server.ranges.edit(one) for one in edits]


async def actions(desk: Desk, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    asked = await desk.same(params, params.range.start)
    if asked.file:
        return []
    view, start = asked.view, asked.at
    end = max(start, desk.server.ranges.home(view.source).places.offset(place(params.range.end)))
    wanted = params.context.only
    found: list[ide.Action] = []
    if wanted is None or any(lsp.CodeActionKind.QuickFix.value.startswith(one) for one in wanted):
        offered = await desk.server.checks.work(ide.actions, view, start, end)
        found += (one for one in offered if one.kind != "all")
    if wanted is None or any(f"{forms.FIX_ALL}.".startswith(f"{getattr(one, 'value', one)}.") for one in wanted):
        every = await desk.server.checks.work(ide.fix_all, view)
        found += [] if every is None else [every]
    if desk.document(asked.document.uri) is not asked.document:
        raise Outrun()
    return forms.actions(found, desk.server.ranges, versions=desk.client.versions)


async def hints(desk: Desk, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    view = await desk.checked(params.text_document.uri)
    if view is None:
        return []
    places = desk.server.ranges.home(view.source).places
    part = Span(view.source, places.offset(place(params.range.start)), places.offset(place(params.range.end)))
    checks = desk.server.checks
    found = await checks.work(lambda: ide.hints(view, checks.worlds.of(view)))
    return forms.hints(found, part, desk.server.ranges)


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
    if view.checked is None or not view.fresh or any(one.severity == "error" for one in view.findings):
        raise Refused("the flow has errors; correct them first")
    try:
        text = await desk.server.checks.work(write, view.checked)
    except UsageError as error:
        raise Refused(str(error)) from None
    document = desk.document(uri)
    return {"text": text, "version": None if document is None else document.version}
