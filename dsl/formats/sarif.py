"""Diagnostics as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import json
import re
from typing import Any

from ..codes import CODES
from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..pages import page
from ..project import HOME, explain_link
from ..source import Span
from .report import Report, encodable, place_of, told

Json = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_DRIVE = re.compile(r"[A-Za-z]:/")


def sarif(report: Report) -> str:
    """Write one run. It has a rule for each code that occurs. The code's page is the rule's help."""
    rules = sorted({finding.code for finding in report.findings})
    driver: Json = {"name": "flowrun", "rules": [_rule(code) for code in rules]}
    if HOME:
        driver["informationUri"] = HOME
    if report.version:
        driver["version"] = report.version
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder in which the check was started."}}},
        "artifacts": [{"location": _artifact(name), "roles": ["analysisTarget"]} for name in report.files],
        "results": [_result(finding, rules.index(finding.code)) for finding in report.findings],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return encodable(json.dumps(log, ensure_ascii=False, indent=2)) + "\n"


def _rule(code: str) -> Json:
    text = page(code)
    severity = CODES[code].severity
    link = explain_link(code)
    return {
        "id": code,
        "name": _name(CODES[code].title),
        "shortDescription": {"text": CODES[code].title},
        "fullDescription": {"text": " ".join(text.split("\n\n")[1].split())},
        "help": {"text": _plain(text), "markdown": text},
        **({"helpUri": link} if link else {}),
        "defaultConfiguration": {"level": severity},
        "properties": {"tags": ["flow"], "problem.severity": severity, "precision": "very-high"},
    }


def _name(title: str) -> str:
    """Make one word of a title, such as `AnUnknownName`. GitHub and editors show the names of rules in this form."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", title))


def _plain(markdown: str) -> str:
    """Return the page of a code without its Markdown marks."""
    lines = []
    code = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            code = not code
            if code:
                lines.append("Instead of:" if line.endswith("bad") else "Write:")
        else:
            lines.append(f"    {line}".rstrip() if code else line.removeprefix("# "))
    return "\n".join(lines).strip()


def _invocation(report: Report) -> Json:
    told = [
        {
            "level": "error",
            "message": _message(one.reason),
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(one.name)}}],
        }
        for one in report.unread
    ]
    return {"executionSuccessful": not report.unread, "toolExecutionNotifications": told}


def _result(finding: Diagnostic, rule: int) -> Json:
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": _message(told(finding)),
        "locations": [{"physicalLocation": _location(finding.span)}],
    }
    if finding.labels:
        result["relatedLocations"] = [_related(label, id) for id, label in enumerate(finding.labels)]
    if finding.fix:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _related(label: Label, id: int) -> Json:
    related: Json = {"id": id, "physicalLocation": _location(label.span)}
    if label.text:
        related["message"] = _message(label.text)
    return related


def _fix(fix: Fix) -> Json:
    changes: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.span.source.name, []).append(edit)
    return {
        "description": _message(fix.title),
        "artifactChanges": [
            {"artifactLocation": _artifact(name), "replacements": [_replacement(edit) for edit in edits]}
            for name, edits in changes.items()
        ],
        "properties": {"safe": fix.safe},
    }


def _replacement(edit: Edit) -> Json:
    replacement: Json = {"deletedRegion": _region(edit.span)}
    if edit.text:
        replacement["insertedContent"] = {"text": edit.text}
    return replacement


def _location(span: Span) -> Json:
    return {"artifactLocation": _artifact(span.source.name), "region": _region(span)}


def _region(span: Span) -> Json:
    place = place_of(span)
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _artifact(name: str) -> Json:
    if name.startswith("/"):
        return {"uri": f"file://{_encoded(name)}"}
    if _DRIVE.match(name):
        return {"uri": f"file:///{name[:2]}{_encoded(name[2:])}"}
    return {"uri": _encoded(name), "uriBaseId": ROOT}


def _encoded(path: str) -> str:
    """Encode a path as part of an address: its bytes on the disk, percent-encoded except for plain characters."""
    data = path.encode("utf-8", "surrogateescape" if _from_disk(path) else "replace")
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in data)


def _from_disk(path: str) -> bool:
    """Tell whether every surrogate in a path stands for an undecodable byte.

    Python reads the names of files in this way.
    """
    return all(not "\ud800" <= c <= "\udfff" or "\udc80" <= c <= "\udcff" for c in path)


def _message(text: str) -> Json:
    """Make a message object whose text is read as plain text.

    A text must not look like an embedded link (§3.11.6) or a placeholder (§3.11.5). Other braces stay single, because
    readers show the text of a message without arguments as it is.
    """
    return {"text": _PLACEHOLDER.sub(r"{{\1}}", text).replace("](", "] (")}
