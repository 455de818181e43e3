"""The output of a command. Findings and errors go to standard error, answers to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from typing import Any, TextIO

from flowrun.dsl import Diagnostic, render_diagnostics

from ..files.decoding import decode
from ..files.files import MOST_BYTES, too_large
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, json_text, one_line


def colours(stream: TextIO) -> bool:
    """Tell whether a stream gets colours. A terminal does, unless NO_COLOR (no-color.org) is set or TERM is dumb."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


MOST_FINDINGS = 100


def standard_input() -> str:
    """Read all of standard input for a parameter's value, under the same rules as a file. Raises UsageError."""
    return _standard("a parameter")


def standard_flow() -> str:
    """Read a flow from standard input, under the same rules as a file. Raises UsageError."""
    return _standard("a flow")


def _standard(what: str) -> str:
    if sys.stdin is None:
        raise UsageError(f"standard input is closed, and {what} should come from it")
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise too_large("standard input")
    return decode(data, "standard input")


def show_findings(found: Iterable[Diagnostic], *, fixes: bool = True) -> None:
    """Print at most the first 100 findings, and the number of all.

    ``fixes``: also print how many `--fix` can correct.
    """
    findings = tuple(found)
    print(render_diagnostics(findings[:MOST_FINDINGS], colour=colours(sys.stderr)), file=sys.stderr)
    if len(findings) > MOST_FINDINGS:
        print(f"\n… and {len(findings) - MOST_FINDINGS:,} more", file=sys.stderr)
    code = next((one.code for one in findings if one.severity == "error"), findings[0].code) if findings else ""
    mendable = sum(finding.fix is not None and finding.fix.safe for finding in findings) if fixes else 0
    which = "it" if mendable == len(findings) == 1 else f"{mendable:,} of them"
    hint = f" `flowrun validate --fix` corrects {which}." if mendable else ""
    print(f"\n{count_text(findings)}.{hint} `flowrun explain {code}` tells more.", file=sys.stderr)


def count_text(findings: Collection[Diagnostic]) -> str:
    """Write the numbers of errors and warnings in words."""
    errors = sum(finding.severity == "error" for finding in findings)
    counts = ((errors, "error"), (len(findings) - errors, "warning"))
    return ", ".join(f"{count:,} {word}{'s' if count != 1 else ''}" for count, word in counts if count)


def complain(message: str) -> None:
    print(f"flowrun: {inert(message)}", file=sys.stderr)


def remark(line: str) -> None:
    """Print a remark of a reader of inputs, about an assumption that it made."""
    print(inert(line), file=sys.stderr)


def print_answer(value: Any) -> None:
    """Print a text as it is, and any other value as JSON."""
    say(f"{value}\n") if isinstance(value, str) else print_json(value)
    sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print a value as JSON. If the stream's encoding lacks some characters, print ASCII with JSON's escapes."""
    print(json_text(value, ascii_only=not _has_all_letters(sys.stdout)))


def say(text: str) -> None:
    """Write a text to standard output unchanged. On a terminal, make control characters visible."""
    sys.stdout.write(inert(text) if sys.stdout.isatty() else text)


def _has_all_letters(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def show_difference(name: str, before: str, after: str, what: str) -> None:
    """Print the changes of a file as a unified diff."""
    from difflib import unified_diff

    name = one_line(name)
    for line in unified_diff(before.splitlines(True), after.splitlines(True), name, name, "as it is", what):
        # A file may end without a line end, but the next line of the diff needs one.
        say(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
