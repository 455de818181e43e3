"""Diagnostics as JSON, for scripts and editors."""

from __future__ import annotations

import json
from typing import Any

from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..source import Span
from .report import Report, encodable, place_of

VERSION = 1
"""The version of the object's shape.

A further field keeps it; a removed field, or one with another meaning, raises it.
"""


def json_text(report: Report) -> str:
    """Write one object with the files, the diagnostics, the files that could not be read, and the counts."""
    return written(report_data(report))


def written(told: dict[str, Any]) -> str:
    return encodable(json.dumps(told, ensure_ascii=False, indent=2)) + "\n"


def report_data(report: Report) -> dict[str, Any]:
    """Return the object that ``json_text`` writes.

    Lines and columns count characters from 1, and an end is one behind the last character. Offsets count characters
    from 0, in the text without a byte-order mark and with each line end as one character.
    """
    return {
        "version": VERSION,
        "tool": {"name": "flowrun", "version": report.version},
        "files": list(report.files),
        "findings": [_finding(finding) for finding in report.findings],
        "unread": [{"file": one.name, "reason": one.reason} for one in report.unread],
        "summary": {
            "files": len(report.files),
            "errors": report.errors,
            "warnings": report.warnings,
            "unread": len(report.unread),
            "strict": report.strict,
        },
    }


def _finding(finding: Diagnostic) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "label": finding.label,
        "note": finding.note,
        "help": finding.help,
        "file": finding.span.source.name,
        "span": span_data(finding.span),
        "labels": [_label(label) for label in finding.labels],
        "fixes": [_fix(finding.fix)] if finding.fix else [],
    }


def span_data(span: Span) -> dict[str, int]:
    place = place_of(span)
    return {
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "offset": span.start,
        "end_offset": span.end,
    }


def _label(label: Label) -> dict[str, Any]:
    return {"text": label.text, "file": label.span.source.name, "span": span_data(label.span)}


def _fix(fix: Fix) -> dict[str, Any]:
    return {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> dict[str, Any]:
    return {"file": edit.span.source.name, "span": span_data(edit.span), "text": edit.text}
