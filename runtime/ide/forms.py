"""The answers of `flowrun.dsl.ide` in the forms of the protocol."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lsprotocol import types as lsp

from flowrun.dsl import Span, ide

from .addresses import uri_of
from .kinds import COMPLETION, SYMBOL
from .published import told
from .ranges import Ranges, position

FIX_ALL = "source.fixAll.flowrun"
_FOLD = {"comment": lsp.FoldingRangeKind.Comment, "imports": lsp.FoldingRangeKind.Imports}
_CLOSERS = ("}", '"""', ")", "]")


def hover(found: ide.Hover, ranges: Ranges, *, markdown: bool) -> lsp.Hover:
    kind = lsp.MarkupKind.Markdown if markdown else lsp.MarkupKind.PlainText
    return lsp.Hover(lsp.MarkupContent(kind, found.text), ranges.range(found.span))


def completions(
    found: Iterable[ide.Completion], ranges: Ranges, *, snippets: bool, markdown: bool
) -> lsp.CompletionList:
    kind = lsp.MarkupKind.Markdown if markdown else lsp.MarkupKind.PlainText
    items = [
        lsp.CompletionItem(
            label=one.label,
            kind=COMPLETION[one.kind],
            detail=one.detail or None,
            documentation=lsp.MarkupContent(kind, one.documentation) if one.documentation else None,
            sort_text=f"{one.rank:05}{number:05}",
            filter_text=one.label,
            insert_text_format=lsp.InsertTextFormat.Snippet if one.snippet else lsp.InsertTextFormat.PlainText,
            text_edit=lsp.TextEdit(ranges.range(one.span), one.text),
        )
        for number, one in enumerate(found)
        if snippets or not one.snippet
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


def outline(found: Iterable[ide.Outline], ranges: Ranges) -> list[lsp.DocumentSymbol]:
    return [
        lsp.DocumentSymbol(
            name=one.name or "?",
            kind=SYMBOL.get(one.kind, lsp.SymbolKind.Variable),
            range=ranges.range(one.span),
            selection_range=ranges.range(one.name_span),
            detail=one.detail or None,
            children=outline(one.children, ranges),
        )
        for one in found
    ]


def flat(
    found: Iterable[ide.Outline], ranges: Ranges, wanted: Callable[[str], bool] = bool, around: str = ""
) -> list[lsp.SymbolInformation]:
    """Return a tree of names as a list, for editors and requests that have no trees."""
    made = []
    for one in found:
        if wanted(one.name):
            kind = SYMBOL.get(one.kind, lsp.SymbolKind.Variable)
            made.append(
                lsp.SymbolInformation(ranges.location(one.name_span), one.name, kind, container_name=around or None)
            )
        made += flat(one.children, ranges, wanted, one.name)
    return made


def folds(found: Iterable[ide.Fold], ranges: Ranges) -> list[lsp.FoldingRange]:
    """Return the parts that can be folded. The line of a closing bracket stays in sight."""
    made = []
    for one in found:
        places = ranges.home(one.span.source).places
        first, last = places.place(one.span.start).line, places.place(one.span.end).line
        if one.kind in ("block", "text") and places.source.line(last + 1).lstrip().startswith(_CLOSERS):
            last -= 1
        if first < last:
            made.append(lsp.FoldingRange(first, last, kind=_FOLD.get(one.kind, lsp.FoldingRangeKind.Region)))
    return made


def hints(found: Iterable[ide.Hint], source: Span, ranges: Ranges) -> list[lsp.InlayHint]:
    """Return the hints inside a part of the text."""
    places = ranges.home(source.source).places
    return [
        lsp.InlayHint(
            position(places.place(one.at)),
            one.text,
            kind=lsp.InlayHintKind.Type if one.kind == "type" else None,
            tooltip=one.tooltip or None,
            padding_left=one.kind == "calls",
        )
        for one in found
        if source.start <= one.at <= source.end
    ]


def signature(found: ide.Signature) -> lsp.SignatureHelp:
    def units(offset: int) -> int:
        # The protocol counts the offsets of a label in UTF-16.
        return len(found.label[:offset].encode("utf-16-le", "surrogatepass")) // 2

    parameters = [
        lsp.ParameterInformation((units(one.start), units(one.end)), one.documentation or None)
        for one in found.parameters
    ]
    # A number beyond the last parameter marks none.
    active = len(parameters) if found.active is None else found.active
    one = lsp.SignatureInformation(found.label, found.documentation or None, parameters, active)
    return lsp.SignatureHelp([one], 0, active)


def links(found: Iterable[ide.Link], name: str, ranges: Ranges) -> list[lsp.DocumentLink]:
    """Return the links of a text. ``name`` is the path of its file."""
    made = []
    for one in found:
        if one.kind == "file" and not os.path.isabs(name):
            continue
        target = uri_of(str(Path(name).parent / one.target)) if one.kind == "file" else one.target
        if one.kind != "code" and "://" in target:
            made.append(lsp.DocumentLink(ranges.range(one.span), target))
    return made


def lenses(found: Iterable[ide.Lens], uri: str, ranges: Ranges) -> list[lsp.CodeLens]:
    return [
        lsp.CodeLens(
            ranges.range(one.span), lsp.Command(one.title, f"flowrun.{one.command}", arguments=[uri, one.name])
        )
        for one in found
    ]


def actions(found: Iterable[ide.Action], ranges: Ranges, *, versions: bool) -> list[lsp.CodeAction]:
    return [
        lsp.CodeAction(
            title=one.title,
            kind=FIX_ALL if one.kind == "all" else lsp.CodeActionKind.QuickFix,
            diagnostics=None if one.finding is None else [told(one.finding, ranges)],
            is_preferred=True if one.kind == "fix" else None,
            edit=ranges.workspace_edit(one.edits, versions=versions),
        )
        for one in found
    ]


def selection(found: Sequence[Span], ranges: Ranges) -> lsp.SelectionRange | None:
    """Return spans around a place, the innermost first, as a chain."""
    made: lsp.SelectionRange | None = None
    for one in reversed(found):
        made = lsp.SelectionRange(ranges.range(one), made)
    return made
