"""What a check came to, for machines: one file a format, each a function from a report to text."""

from __future__ import annotations

from .report import Report

FORMATS = ("json", "sarif", "junit", "github")


def format_report(report: Report, format: str) -> str:
    """The whole report in one of ``FORMATS``, complete also where there are no findings; it ends in a line end.

    Only the format that is asked for is loaded.
    """
    match format:
        case "json":
            from .json_text import json_text

            return json_text(report)
        case "sarif":
            from .sarif import sarif

            return sarif(report)
        case "junit":
            from .junit import junit

            return junit(report)
        case "github":
            from .github import github

            return github(report)
    raise ValueError(f"no format is called {format!r}")
