"""Diagnostics as values: what is wrong, where, why, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .codes import CODES
from .source import Span
from .spelling import nearest

__all__ = ["Diagnostic", "Edit", "Fix", "FlowError", "Label", "Severity", "did_you_mean", "nearest"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that belongs to the story, with what it has to do with it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of a source and the text to put in its place; an empty stretch is a place to insert at."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to mend a finding: all of its edits, or none.

    ``title`` says what is done, as an order: "write `text`". A ``safe`` fix is what the author meant beyond doubt,
    so that a tool may make it unasked; any other is for a person to look at.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    ``message`` is one line; ``note`` says why, ``help`` the way out; ``labels`` are shown in the order given.
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
    """A flow has errors; ``diagnostics`` holds all findings in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda found: found.sort_key))
        first = next((found for found in self.diagnostics if found.severity == "error"), None)
        super().__init__(f"{first.span}: {first.code}: {first.message}" if first else "the flow has findings")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` did you mean `x`?`` for the nearest known word, or nothing."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else ""
