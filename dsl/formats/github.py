"""Diagnostics as GitHub's workflow commands, which GitHub shows at their lines in a pull request."""

from __future__ import annotations

from ..safe_text import one_line
from .report import Report, encodable, place_of, told


def github(report: Report) -> str:
    """Write one command on each line.

    GitHub shows the first ten errors and the first ten warnings of a step. The log has all of them.
    """
    lines = [workflow_command("error", {"file": one.name, "title": "flowrun"}, one.reason) for one in report.unread]
    for finding in report.findings:
        place = place_of(finding.span)
        given = {"file": finding.span.source.name, "line": str(place.line)}
        # GitHub takes columns only where the first line is the last.
        if place.line == place.end_line:
            given |= {
                "col": str(place.column),
                "endLine": str(place.end_line),
                "endColumn": str(max(place.column, place.end_column)),
            }
        else:
            given["endLine"] = str(place.end_line)
        lines.append(workflow_command(finding.severity, given | {"title": finding.code}, told(finding)))
    return "".join(f"{line}\n" for line in lines)


def workflow_command(name: str, given: dict[str, str], message: str) -> str:
    """Write one workflow command with its properties, without a line end."""
    properties = ",".join(f"{key}={_property(value)}" for key, value in given.items())
    return encodable(f"::{name} {properties}::{_data(message)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # Line ends have an escape of GitHub's own.
    shown = "".join(c if c in "\r\n" else one_line(c) for c in text)
    return _data(shown).replace(":", "%3A").replace(",", "%2C")
