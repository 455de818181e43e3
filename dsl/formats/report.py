"""What a check of files came to, and the words that every format shares."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..diagnostics import Diagnostic
from ..source import Span

_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Unread:
    """A path that could not be checked, and the sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The files that were checked, and what was found in them, both in order.

    Names are paths with forward slashes: relative ones count from the folder that the check was started in.
    ``strict`` means that a warning fails as an error does; ``version`` is that of the tool.
    """

    files: tuple[str, ...]
    findings: tuple[Diagnostic, ...] = ()
    unread: tuple[Unread, ...] = ()
    strict: bool = False
    version: str = ""

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors

    @property
    def failed(self) -> bool:
        """Whether a finding counts against the files."""
        return bool(self.errors or (self.strict and self.findings))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span begins and ends, all from 1; the end column is the one behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def place_of(span: Span) -> Place:
    return Place(*span.source.position(span.start), *span.source.position(max(span.start, span.end)))


def told(finding: Diagnostic) -> str:
    """All that a finding says in words, without the text of the file: one line for each of its parts."""
    parts = [
        f"{finding.message}: {finding.label}" if finding.label else finding.message,
        f"note: {finding.note}" if finding.note else "",
        f"help: {finding.help}" if finding.help else "",
    ]
    return "\n".join(part for part in parts if part)


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: what stands for bytes that are no text, as in a file's name, is replaced."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
