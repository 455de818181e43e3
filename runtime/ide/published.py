"""The diagnostics that the editor shows: of the open flows, and of the files that they import."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lsprotocol import types as lsp

from flowrun.dsl import Diagnostic

from .addresses import uri_of
from .checks import Seen
from .ranges import Ranges
from .surroundings import page_of

Send = Callable[[str, int | None, list[lsp.Diagnostic]], None]
"""A function that shows the diagnostics of a document. It gets its address and its version, None for a closed one."""

UNNEEDED = frozenset("F0701 F0711 F0712 F0719 F0723 F0756 F0757 F0771".split())
"""The codes of parts that nothing needs. Editors show such parts paler."""
_SEVERITY = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
_TOP = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))


class _Found(NamedTuple):
    """A finding, with the text that it was found in."""

    text: str
    shown: lsp.Diagnostic


class Published:
    """The diagnostics that the editor has, by the flow whose check found them."""

    def __init__(self, ranges: Ranges, send: Send) -> None:
        self._ranges = ranges
        self._send = send
        self._found: dict[str, dict[str, list[_Found]]] = {}

    def put(self, seen: Seen) -> None:
        """Show the findings of a check in place of those of an earlier check of the same flow."""
        root = seen.document.uri
        found = self._of(seen)
        before = self._found.get(root, {})
        self._found[root] = found
        for uri in dict.fromkeys([*found, *before]):
            if uri != root and found.get(uri) != before.get(uri):
                self._show(uri)
        # The document of the check comes last, so that with it everything is shown.
        self._show(root)

    def drop(self, root: str) -> None:
        """Take away what the check of a flow found. The flow was closed."""
        for uri in dict.fromkeys([root, *self._found.pop(root, {})]):
            self._show(uri)

    def of(self, uri: str) -> list[lsp.Diagnostic]:
        """Return the diagnostics of a document. Each comes once, even if several flows import the file."""
        roots = [uri, *(root for root in self._found if root != uri)]
        document = self._ranges.documents.get(uri)
        shown: list[lsp.Diagnostic] = []
        for root in roots:
            # Another flow may have read an earlier text of this document. It is checked again soon.
            late = document is not None and root != uri
            for text, one in self._found.get(root, {}).get(uri, ()):
                if late and document is not None and document.source.text != text:
                    continue
                if root == uri or one not in shown:
                    shown.append(one)
        return shown

    def _show(self, uri: str) -> None:
        document = self._ranges.documents.get(uri)
        self._send(uri, None if document is None else document.version, self.of(uri))

    def _of(self, seen: Seen) -> dict[str, list[_Found]]:
        found: dict[str, list[_Found]] = {seen.document.uri: []}
        if seen.view is None:
            found[seen.document.uri].append(_Found("", _plain(seen.reason)))
            return found
        for one in seen.view.findings:
            uri = self._ranges.home(one.span.source).uri
            found.setdefault(uri, []).append(_Found(one.span.source.text, told(one, self._ranges)))
        if seen.project is not None:
            path, reason = seen.project
            found.setdefault(uri_of(path), []).append(_Found("", _plain(reason)))
        return found


def told(one: Diagnostic, ranges: Ranges) -> lsp.Diagnostic:
    """Return a finding as the protocol has it."""
    parts = [one.message, f"note: {one.note}" if one.note else "", f"help: {one.help}" if one.help else ""]
    related = [
        lsp.DiagnosticRelatedInformation(ranges.location(label.span), label.text or "here") for label in one.labels
    ]
    address = page_of(one.code)
    return lsp.Diagnostic(
        range=ranges.range(one.span),
        message="\n".join(filter(None, parts)),
        severity=_SEVERITY[one.severity],
        code=one.code,
        code_description=lsp.CodeDescription(address) if address else None,
        source="flowrun",
        tags=[lsp.DiagnosticTag.Unnecessary] if one.code in UNNEEDED else None,
        related_information=related or None,
    )


def _plain(reason: str) -> lsp.Diagnostic:
    return lsp.Diagnostic(_TOP, reason, lsp.DiagnosticSeverity.Error, source="flowrun")
