"""The abilities of the editor, as it tells them in its first message."""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls.capabilities import get_capability

from flowrun.dsl import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The abilities of an editor. An editor that tells nothing can take little."""

    snippets: bool = False
    markdown: bool = False
    versions: bool = False
    trees: bool = False
    watches: bool = False
    pulls: bool = False
    """True if the editor asks for diagnostics, and wants none unasked for documents that are open."""
    refreshes: bool = False
    encoding: str = "utf-16"


def client_of(params: lsp.InitializeParams) -> Client:
    able = params.capabilities
    formats = get_capability(able, "text_document.hover.content_format") or ()
    encodings = get_capability(able, "general.position_encodings") or ()
    known = [one for one in encodings if one in ("utf-8", "utf-16", "utf-32")]
    given = params.initialization_options
    wish = given.get("diagnostics") if isinstance(given, dict) else None
    return Client(
        snippets=bool(get_capability(able, "text_document.completion.completion_item.snippet_support")),
        markdown=lsp.MarkupKind.Markdown in formats,
        versions=bool(get_capability(able, "workspace.workspace_edit.document_changes")),
        trees=bool(get_capability(able, "text_document.document_symbol.hierarchical_document_symbol_support")),
        watches=bool(get_capability(able, "workspace.did_change_watched_files.dynamic_registration")),
        pulls=wish == "pull" and get_capability(able, "text_document.diagnostic") is not None,
        refreshes=bool(get_capability(able, "workspace.diagnostics.refresh_support")),
        # As pygls chooses it: the first one of the editor that the server knows.
        encoding=str(getattr(known[0], "value", known[0])) if known else "utf-16",
    )
