"""Diagnostics as values: the problem, its place, the reason, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .codes import CODES
from .records import dataclass
from .source import Span
from .spelling import nearest

__all__ = ["Diagnostic", "Edit", "Fix", "FlowError", "Label", "Severity", "did_you_mean", "nearest"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A further place of a diagnostic, with a text that explains its role."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a source and the text that replaces it. An empty part is a place where the text is inserted."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to correct a problem. Either all of its edits are made, or none.

    ``title`` is an instruction: "write `text`". A ``safe`` fix is certainly what the author meant, so a tool may make
    it without asking. A person must look at any other fix.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem in a flow: an error or a warning.

    ``message`` is one line. ``note`` gives the reason, ``help`` gives the way out. ``labels`` are shown in this order.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    note: str = ""
    help: str = ""
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        return (self.span.source.name, self.span.start, self.span.end, self.code)


class FlowError(Exception):
    """The error for a flow with errors. ``diagnostics`` has all errors and warnings in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda found: found.sort_key))
        first = next((found for found in self.diagnostics if found.severity == "error"), None)
        super().__init__(f"{first.span}: {first.code}: {first.message}" if first else "the flow has findings")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean `x`?" with the most similar known word, or "" if no word is similar."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else ""
