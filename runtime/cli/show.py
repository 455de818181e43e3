"""What the command prints: findings and complaints to standard error, answers to standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable
from typing import Any, TextIO

from flowrun.dsl import Diagnostic, render_diagnostics

from ..errors import UsageError
from ..files import MOST_BYTES, decode, too_large


def colours(stream: TextIO) -> bool:
    """Whether a stream wants colours: a terminal does, unless NO_COLOR (no-color.org) is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


MOST_FINDINGS = 100


def standard_input() -> str:
    """All of standard input as a value of a parameter, read as a file is. Raises UsageError."""
    return _standard("a parameter")


def standard_flow() -> str:
    """A flow from standard input, which must be text as a file must. Raises UsageError."""
    return _standard("a flow")


def _standard(what: str) -> str:
    if sys.stdin is None:
        raise UsageError(f"standard input is closed, and {what} is to be read from it")
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise too_large("standard input")
    return decode(data, "standard input")


def show_findings(found: Iterable[Diagnostic], *, fixes: bool = True) -> None:
    """Print findings, and how many there are; of very many the first. ``fixes``: say that some can be mended."""
    findings = tuple(found)
    print(render_diagnostics(findings[:MOST_FINDINGS], colour=colours(sys.stderr)), file=sys.stderr)
    if len(findings) > MOST_FINDINGS:
        print(f"\n… and {len(findings) - MOST_FINDINGS:,} more", file=sys.stderr)
    code = findings[0].code if findings else ""
    mendable = sum(finding.fix is not None and finding.fix.safe for finding in findings) if fixes else 0
    which = "it" if mendable == len(findings) == 1 else f"{mendable:,} of them"
    hint = f" `flowrun validate --fix` mends {which}." if mendable else ""
    print(f"\n{count_text(findings)}.{hint} `flowrun explain {code}` tells more.", file=sys.stderr)


def count_text(findings: Collection[Diagnostic]) -> str:
    """How many errors and warnings there are, in words."""
    errors = sum(finding.severity == "error" for finding in findings)
    counts = ((errors, "error"), (len(findings) - errors, "warning"))
    return ", ".join(f"{count:,} {word}{'s' if count != 1 else ''}" for count, word in counts if count)


def complain(message: str) -> None:
    print(f"flowrun: {inert(message)}", file=sys.stderr)


def remark(line: str) -> None:
    """For a reader of inputs to say what it had to assume."""
    print(inert(line), file=sys.stderr)


def print_answer(value: Any) -> None:
    """A text as it is, but for what would steer a terminal, also one that a file or a pipe leads to; else JSON."""
    text = inert(value, crlf=not sys.stdout.isatty()) if isinstance(value, str) else json_text(value)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def json_text(value: Any) -> str:
    """A value as JSON for people: letters as they are, and what cannot be seen as an escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(c if c == "\n" or c.isprintable() else _escape(c) for c in text)


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def show_difference(name: str, before: str, after: str, what: str) -> None:
    """Print what would change in a file, as a unified difference."""
    from difflib import unified_diff

    name = one_line(name)
    for line in unified_diff(before.splitlines(True), after.splitlines(True), name, name, "as it is", what):
        # A file may end without a line end, which the next line of a difference needs.
        sys.stdout.write(inert(line) if line.endswith("\n") else f"{inert(line)}\n\\ No newline at end of file\n")


def one_line(name: str) -> str:
    """A file's name that neither breaks a line nor steers a terminal."""
    return inert(name).replace("\n", "\\n").replace("\t", "\\t")


def inert(text: str, *, crlf: bool = False) -> str:
    """A text that cannot steer a terminal: control characters, but for line breaks and tabs, are made visible.

    ``crlf``: line breaks of two characters stay as they are.
    """
    if crlf and "\r\n" in text:
        return "\r\n".join(inert(line) for line in text.split("\r\n"))
    return "".join(
        c
        if c in "\n\t" or c.isprintable() or (c.isspace() and c not in "\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029")
        else f"\\x{ord(c):02x}"
        for c in text
    )
