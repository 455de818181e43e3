"""The protocol between an editor and the server, on top of pygls."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import FeatureRequestError, JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

from .documents import Change, Document
from .places import Place

log = logging.getLogger("flowrun.lsp")
_MOST_TOLD = 500
"""The most characters of a message that the log repeats."""


class Refused(JsonRpcException):
    """A request that the server refuses, with the reason as a sentence for the user."""

    CODE = int(lsp.LSPErrorCodes.RequestFailed)


class Outrun(JsonRpcException):
    """A request about a text that has changed in the meantime."""

    CODE = int(lsp.LSPErrorCodes.ContentModified)


class QuietServer(ABC, LanguageServer):
    """The server of pygls, with faults told in the log and never in a window of the editor.

    It says what the protocol needs of a server.
    """

    @abstractmethod
    def opened(self, document: Document) -> None:
        """Take a document that the editor has opened."""

    @abstractmethod
    def changed(self, uri: str, changes: Sequence[Change], number: int) -> None:
        """Change a document. ``number`` is its version."""

    @abstractmethod
    def closed(self, uri: str) -> None:
        """Drop a document."""

    @abstractmethod
    def stop(self, code: int) -> None:
        """End the process with this exit code."""

    def _report_server_error(self, error: Exception, source: Any) -> None:
        told = error.__cause__ or error
        if isinstance(error, Refused | Outrun) or (
            isinstance(error, JsonRpcException) and not isinstance(error, JsonRpcInternalError)
        ):
            log.info("refused: %s", error)
            return
        trace = "".join((error.data or {}).get("traceback", ())) if isinstance(error, JsonRpcInternalError) else ""
        log.error("this is a bug in flowrun: %s\n%s", error, trace, exc_info=None if trace else told)


class FlowProtocol(LanguageServerProtocol):
    """The protocol of the server. It keeps the documents of flowrun in place of those of pygls.

    The documents of pygls end lines at other characters too, and fail at a change of a document that is not open.
    """

    _server: QuietServer
    _begun = False

    def take(self, body: bytes) -> None:
        """Act on one message. One that cannot be understood gets an error as its answer, if it has a number."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self.refuse(None, lsp.ErrorCodes.ParseError, f"this message is not JSON: {error}")
            return
        number = message.get("id") if isinstance(message, dict) else None
        number = number if isinstance(number, int | str) and not isinstance(number, bool) else None
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self.refuse(number, lsp.ErrorCodes.InvalidRequest, "a message is an object with `jsonrpc` of 2.0")
        elif "method" in message and not isinstance(method, str):
            self.refuse(number, lsp.ErrorCodes.InvalidRequest, "`method` must be a text")
        elif "method" in message and "id" in message and number is None:
            self.refuse(None, lsp.ErrorCodes.InvalidRequest, "the `id` of a request is a number or a text")
        elif not self._begun and method not in (None, lsp.INITIALIZE, lsp.EXIT):
            if number is not None:
                self.refuse(number, lsp.ErrorCodes.ServerNotInitialized, "the first request must be `initialize`")
        elif self._begun and method == lsp.INITIALIZE:
            self.refuse(number, lsp.ErrorCodes.InvalidRequest, "the server is initialized already")
        elif self._shutdown and method != lsp.EXIT:
            if number is not None and method is not None:
                self.refuse(number, lsp.ErrorCodes.InvalidRequest, "the server is shutting down")
        else:
            self._handle(message, number, method)

    def _handle(self, message: dict[str, Any], number: int | str | None, method: str | None) -> None:
        if method is not None and method not in self.fm.features and method not in self.fm.builtin_features:
            if number is not None:
                self.refuse(number, lsp.ErrorCodes.MethodNotFound, f"there is no method `{method}` here")
            return
        try:
            known = self.structure_message(message)
        except (JsonRpcException, RecursionError):
            if method is not None:
                self.refuse(number, lsp.ErrorCodes.InvalidParams, f"`{method}` has parameters of another form")
            return
        if method == lsp.INITIALIZE:
            self._begun = True
        try:
            self.handle_message(known)
        except Exception as error:  # noqa: BLE001 (the server must live, whatever the message)
            self._server._report_server_error(error, FeatureRequestError)

    @property
    def over(self) -> bool:
        """True after the editor has asked for the end."""
        return bool(self._shutdown)

    def refuse(self, number: int | str | None, code: lsp.ErrorCodes, reason: str) -> None:
        """Answer a message with an error. A broken notification, which has no answer, is only told in the log."""
        log.warning("%s", reason[:_MOST_TOLD])
        if number is not None or code in (lsp.ErrorCodes.ParseError, lsp.ErrorCodes.InvalidRequest):
            error = lsp.ResponseError(code=int(code), message=reason[:_MOST_TOLD])
            self._send_data(lsp.ResponseErrorMessage(id=number, error=error))

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """End the server."""
        self._server.stop(0 if self._shutdown else 1)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        one = params.text_document
        self._server.opened(Document(one.uri, one.text, one.version, one.language_id))

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        changes = [
            Change(one.text, _place(one.range.start), _place(one.range.end))
            if isinstance(one, lsp.TextDocumentContentChangePartial)
            else Change(one.text)
            for one in params.content_changes
        ]
        self._server.changed(params.text_document.uri, changes, params.text_document.version)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._server.closed(params.text_document.uri)


def _place(position: lsp.Position) -> Place:
    return Place(position.line, position.character)
