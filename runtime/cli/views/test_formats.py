"""The results of tests as JSON, as JUnit's XML, and as GitHub's workflow commands."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import Report, Unread, format_report, test_plan, workflow_command, xml_attribute, xml_text
from flowrun.testing.failure_text import failure_text, notes_of
from flowrun.testing.outcome import Failed, TestOutcome

from ...vocabulary.quoting import json_text
from .coverage import coverage_commands, coverage_json
from .tests import Results

VERSION = 1
"""The version of the JSON. A further field keeps it; a field with another meaning raises it."""


def written(results: Results, format_: str) -> str:
    """Write all results in a format."""
    match format_:
        case "json":
            return json_text(_json(results)) + "\n"
        case "junit":
            return _junit(results)
        case "github":
            return _github(results)
    raise ValueError(f"no format is called {format_!r}")


def _json(results: Results) -> dict[str, Any]:
    findings = [
        {"code": one.code, "message": one.message, "file": one.span.source.name, "line": one.span.line}
        for one in results.findings()
        if one.severity == "error"
    ]
    coverage = {} if results.coverage is None else {"coverage": coverage_json(results.coverage)}
    return {
        "version": VERSION,
        "tests": [_test(outcome) for outcome in results.outcomes],
        "broken": [file.name for file in results.broken],
        "findings": findings,
        "unread": [{"file": name, "reason": reason} for name, reason in results.unread],
        "summary": {
            "files": len(results.files),
            "tests": len(results.outcomes),
            **{status: results.number(status) for status in ("passed", "failed", "error")},
            "seconds": round(results.seconds, 3),
        },
        **coverage,
    }


def _test(outcome: TestOutcome) -> dict[str, Any]:
    return {
        "title": outcome.title,
        "file": outcome.file,
        "line": outcome.line,
        "flow": outcome.flow,
        "status": outcome.status,
        "ms": outcome.ms,
        "figures": dict(outcome.figures),
        "failures": [_failure(failed) for failed in outcome.failures],
        "calls": [{"path": call.path, "answer": call.answer, "line": call.line} for call in outcome.calls],
    }


def _failure(failed: Failed) -> dict[str, Any]:
    return {
        **_place(failed.place),
        "message": failed.message,
        "help": failed.help,
        "left": failed.left,
        "right": failed.right,
        "differs": list(failed.differs),
        "names": list(failed.names),
        "calls": [{"path": call.path, "answer": call.answer, "line": call.line} for call in failed.calls],
    }


def _place(place: test_plan.Place) -> dict[str, Any]:
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "expectation": place.text,
    }


def _junit(results: Results) -> str:
    broken, unread = results.broken, results.unread
    cases = [_case(outcome, results) for outcome in results.outcomes]
    cases += [_error(file.name, "the file has errors; `flowrun validate` shows them", "broken") for file in broken]
    cases += [_error(name, reason, "unread") for name, reason in unread]
    errors = results.number("error") + len(broken) + len(unread)
    counts = f'tests="{len(cases)}" failures="{results.number("failed")}" errors="{errors}"'
    seconds = f'time="{results.seconds:.3f}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {counts} {seconds}>",
        f'  <testsuite name="flowrun test" {counts} skipped="0" {seconds}>',
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(outcome: TestOutcome, results: Results) -> str:
    file = xml_attribute(outcome.file)
    start = (
        f'    <testcase classname="{file}" name="{xml_attribute(outcome.title)}" file="{file}" '
        f'line="{outcome.line}" time="{outcome.ms / 1000:.3f}"'
    )
    if not outcome.failures:
        return f"{start}/>"
    # Many readers look only at the first failure, so one holds all of them.
    word = "failure" if outcome.status == "failed" else "error"
    more = f" (and {len(outcome.failures) - 1} more)" if len(outcome.failures) > 1 else ""
    message = xml_attribute(outcome.failures[0].message + more)
    text = "\n\n".join(failure_text(outcome, one, results.source(outcome.file)) for one in outcome.failures)
    inside = f'      <{word} message="{message}" type="{outcome.status}">{xml_text(text)}</{word}>'
    return "\n".join([f"{start}>", inside, "    </testcase>"])


def _error(name: str, reason: str, kind: str) -> str:
    shown = xml_attribute(name)
    start = f'    <testcase classname="{shown}" name="{shown}" file="{shown}">'
    inside = f'      <error message="{xml_attribute(reason)}" type="{kind}"/>'
    return "\n".join([start, inside, "    </testcase>"])


def _github(results: Results) -> str:
    lines = []
    for outcome in results.outcomes:
        for failed in outcome.failures:
            given = {"file": failed.place.file, "line": str(failed.place.line), "title": outcome.title}
            notes = [f"{word}: {text}" for word, text in notes_of(failed)]
            said = "\n".join([f"{failed.place.text}: {failed.message}", *notes])
            lines.append(workflow_command("error", given, said))
    errors = tuple(one for one in results.findings() if one.severity == "error")
    report = Report((), errors, tuple(Unread(name, reason) for name, reason in results.unread))
    if results.coverage is not None:
        lines += coverage_commands(results.coverage)
    return "".join(f"{line}\n" for line in lines) + format_report(report, "github")
