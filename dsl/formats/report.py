"""The report of a check of files, and the helpers that all formats share."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..patterns import pattern
from ..records import dataclass
from ..source import Span

_SURROGATE = pattern(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Unread:
    """A path that could not be checked, with a sentence that gives the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The checked files and the diagnostics in them, both in order.

    Names are paths with forward slashes. Relative paths start at the folder in which the check was started. If
    ``strict`` is True, a warning fails like an error. ``version`` is the version of the tool.
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
        """True if the check fails: because of errors, or because of any diagnostic at all if the report is strict."""
        return bool(self.errors or (self.strict and self.findings))


@dataclass(frozen=True, slots=True)
class Region:
    """The first and last line and column of a span, counted from 1. The end column is one behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def place_of(span: Span) -> Region:
    return Region(*span.source.position(span.start), *span.source.position(max(span.start, span.end)))


def told(finding: Diagnostic) -> str:
    """Write all messages of a diagnostic, each part on a line, without the text of the file."""
    parts = [
        f"{finding.message}: {finding.label}" if finding.label else finding.message,
        f"note: {finding.note}" if finding.note else "",
        f"help: {finding.help}" if finding.help else "",
    ]
    return "\n".join(part for part in parts if part)


def encodable(text: str) -> str:
    """Make a text that can be encoded in UTF-8.

    It replaces the surrogates that stand for undecodable bytes, for example in the name of a file.
    """
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
