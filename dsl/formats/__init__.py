"""The report of a check in machine-readable formats. Each format has a file with a function that writes a report."""

from __future__ import annotations

from .report import Report

FORMATS = ("json", "sarif", "junit", "github")


def format_report(report: Report, format: str) -> str:
    """Write the whole report in one of ``FORMATS``. It ends with a line end, and is complete even without diagnostics.

    Only the module of the requested format is loaded.
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
