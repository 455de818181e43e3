"""The requests that the server answers, each with its function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types as lsp

from . import forms, questions
from .client import Client, client_of
from .desk import Desk
from .kinds import LEGEND
from .pictures import PlanView
from .server import FlowServer

WATCHED = ("**/*.flow", "**/flowrun.toml", "**/*.{md,txt,prompt,jinja,jinja2,j2}")
_FLOW = lsp.FileOperationFilter(lsp.FileOperationPattern("**"), "file")
_MOVES = lsp.FileOperationRegistrationOptions([_FLOW])
Answer = Callable[[Desk, Any], Awaitable[Any]]

REQUESTS: tuple[tuple[str, Answer, Any], ...] = (
    (lsp.TEXT_DOCUMENT_HOVER, questions.hover, None),
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        questions.completion,
        lsp.CompletionOptions(trigger_characters=["{", ".", "|", ":", ">", '"', "/", "@"]),
    ),
    (
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP,
        questions.signature,
        lsp.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=[")"]),
    ),
    (lsp.TEXT_DOCUMENT_DEFINITION, questions.definition, None),
    (lsp.TEXT_DOCUMENT_REFERENCES, questions.references, None),
    (lsp.TEXT_DOCUMENT_PREPARE_RENAME, questions.renamed, None),
    (lsp.TEXT_DOCUMENT_RENAME, questions.rename, lsp.RenameOptions(prepare_provider=True)),
    (lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, questions.highlights, None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, questions.symbols, None),
    (lsp.WORKSPACE_SYMBOL, questions.workspace_symbols, None),
    (lsp.TEXT_DOCUMENT_FOLDING_RANGE, questions.folds, None),
    (lsp.TEXT_DOCUMENT_SELECTION_RANGE, questions.selections, None),
    (lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, questions.tokens, LEGEND),
    (lsp.TEXT_DOCUMENT_FORMATTING, questions.formatting, None),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        questions.actions,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, forms.FIX_ALL]),
    ),
    (lsp.TEXT_DOCUMENT_INLAY_HINT, questions.hints, None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_LINK, questions.links, None),
    (lsp.TEXT_DOCUMENT_CODE_LENS, questions.lenses, lsp.CodeLensOptions(resolve_provider=False)),
    ("flowrun/graph", questions.graph, None),
    ("flowrun/plan", questions.plan, None),
)
COMMANDS: tuple[tuple[str, Answer], ...] = (
    ("flowrun.server.graph", questions.graph),
    ("flowrun.server.plan", questions.plan),
)
"""The commands for editors that send no requests of other names. Their one argument is that of the request."""


def register(server: FlowServer, plan_view: PlanView) -> None:
    """Let a server answer everything that this module lists."""
    desk = Desk(server, Client(), plan_view)
    for method, answer, options in REQUESTS:
        server.feature(method, options)(_request(desk, answer))
    for name, answer in COMMANDS:
        server.command(name)(_command(desk, answer))

    def begin(params: lsp.InitializeParams) -> None:
        desk.client = client_of(params)
        server.pulled = desk.client.pulls
        if desk.client.pulls:
            options = lsp.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False)
            server.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, options)(_request(desk, questions.diagnostics))
            server.refreshed = desk.client.refreshes
        server.ranges.encoding = desk.client.encoding
        server.ranges.forget()

    async def ready(params: lsp.InitializedParams) -> None:
        if desk.client.watches:
            watchers = [lsp.FileSystemWatcher(one) for one in WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            one = lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.client_register_capability(lsp.RegistrationParams([one]))

    def watched(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.files_changed([one.uri for one in params.changes])

    def moved(params: lsp.RenameFilesParams) -> None:
        server.files_changed([uri for one in params.files for uri in (one.old_uri, one.new_uri)])

    def made(params: lsp.CreateFilesParams | lsp.DeleteFilesParams) -> None:
        server.files_changed([one.uri for one in params.files])

    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.files_changed([params.text_document.uri])

    def folders(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        """Take the folders, which pygls keeps."""

    server.feature(lsp.INITIALIZE)(begin)
    server.feature(lsp.INITIALIZED)(ready)
    server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)(watched)
    server.feature(lsp.WORKSPACE_DID_RENAME_FILES, _MOVES)(moved)
    server.feature(lsp.WORKSPACE_DID_CREATE_FILES, _MOVES)(made)
    server.feature(lsp.WORKSPACE_DID_DELETE_FILES, _MOVES)(made)
    server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)(saved)
    server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(folders)
    server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)(lambda params: None)


def _request(desk: Desk, answer: Answer) -> Callable[[Any], Awaitable[Any]]:
    async def handler(params: Any) -> Any:
        return await answer(desk, params)

    return handler


def _command(desk: Desk, answer: Answer) -> Callable[..., Awaitable[Any]]:
    async def handler(*arguments: Any) -> Any:
        return await answer(desk, arguments[0] if arguments else None)

    return handler
