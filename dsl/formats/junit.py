"""Diagnostics as JUnit's XML. Each file is a test case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..diagnostics import Diagnostic
from ..render import render_diagnostics
from .report import Report, Unread
from .xml_text import xml_attribute, xml_text


def junit(report: Report) -> str:
    """Write one test suite.

    A file with errors fails. A file that has only warnings passes and lists them, unless the report is strict. A test
    case has at most one failure, which holds all diagnostics of the file, because many readers look only at the first
    failure.
    """
    found: defaultdict[str, list[Diagnostic]] = defaultdict(list)
    for finding in report.findings:
        found[finding.span.source.name].append(finding)
    # A finding may lie in a file that a checked one needs.
    names = dict.fromkeys([*report.files, *found])
    cases = [_case(name, found[name], report.strict) for name in names]
    cases += [_unread(one) for one in report.unread]
    failures = sum(bool(_failing(found[name], report.strict)) for name in names)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{len(report.unread)}"'
    suite = f'<testsuite name="flowrun validate" {counts} skipped="0">'
    lines = [f"<testsuites {counts}>", f"  {suite}", *cases, "  </testsuite>", "</testsuites>"]
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(lines) + "\n"


def _case(name: str, found: Sequence[Diagnostic], strict: bool) -> str:
    failing = _failing(found, strict)
    rest = [] if strict else [finding for finding in found if finding.severity != "error"]
    inside = []
    if failing:
        first = f"{failing[0].code}: {failing[0].message}"
        more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        attributes = f'message="{xml_attribute(first + more)}" type="{failing[0].code}"'
        inside.append(f"      <failure {attributes}>{xml_text(render_diagnostics(failing))}</failure>")
    if rest:
        inside.append(f"      <system-out>{xml_text(render_diagnostics(rest))}</system-out>")
    return _element(name, inside)


def _failing(found: Sequence[Diagnostic], strict: bool) -> list[Diagnostic]:
    return [finding for finding in found if strict or finding.severity == "error"]


def _unread(one: Unread) -> str:
    return _element(one.name, [f'      <error message="{xml_attribute(one.reason)}" type="unread"/>'])


def _element(name: str, inside: list[str]) -> str:
    shown = xml_attribute(name)
    start = f'    <testcase classname="flowrun.validate" name="{shown}" file="{shown}"'
    return "\n".join([f"{start}>", *inside, "    </testcase>"]) if inside else f"{start}/>"
