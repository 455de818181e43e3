"""The audit of flow files: their findings about labels, and the reach of their sources. Two commands show it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flowrun.dsl import Diagnostic, Report, dataclass, format_report, render_diagnostics

from ..vocabulary.quoting import inert
from .console import say, show_findings
from .screen import terminal_width
from .views.audit_text import advice_lines, reach_lines, unlabelled_lines

if TYPE_CHECKING:
    from flowrun.dsl import Checked, Examined, FlowReach, LabelledFlow

_PLAIN_WIDTH = 100
"""The columns of a text that goes to no terminal."""


@dataclass(frozen=True, slots=True)
class Reaches:
    """The reach of each flow of the files with labels, and the names of the files without errors and without labels."""

    flows: tuple[FlowReach, ...]
    unlabelled: tuple[str, ...]


def reaches_of(files: Iterable[Examined]) -> Reaches:
    """Return the reach of the flows of checked files. A file with other errors than breaches has none."""
    flows: list[FlowReach] = []
    unlabelled: list[str] = []
    for one in files:
        if one.checked is None:
            continue
        labelled = [(plan, labels) for plan, labels in one.flows if plan.labels]
        flows += _flows(one.checked, labelled) if labelled else []
        if not labelled:
            unlabelled.append(one.source.name)
    return Reaches(tuple(flows), tuple(unlabelled))


def _flows(checked: Checked, labelled: Iterable[LabelledFlow]) -> Iterator[FlowReach]:
    # Most files have no labels.
    from flowrun.dsl import reach_of

    from ..forecast.price_bounds import priced_bounds

    for plan, labels in labelled:
        yield reach_of(checked, plan, labels, priced_bounds(plan, os.environ))


def about_labels(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the errors among findings, and the warnings about labels, votes that stand, and quotes."""
    return [one for one in found if one.severity == "error" or one.code.startswith(("F05", "F074"))]


def told_audit(format_: str, report: Report, audit: Reaches) -> str:
    """Write an audit in a format for programs. JSON has the findings and the reach; the others have the findings."""
    if format_ != "json":
        return format_report(report, format_)
    from flowrun.dsl import audit_json

    return audit_json(report, audit.flows)


def show_audit(report: Report, audit: Reaches) -> str:
    """Write a whole audit as text for a file."""
    parts = ["\n".join(_reach(audit, _PLAIN_WIDTH)), render_diagnostics(report.findings)]
    parts.append("\n".join(_advice(audit, _PLAIN_WIDTH)))
    return "".join(f"{part}\n" for part in "\n\n".join(filter(None, parts)).splitlines())


def print_audit(report: Report, audit: Reaches) -> None:
    """Print the reach and the advice on standard output, and the findings on standard error."""
    print_reach(audit, advice=False)
    if report.findings:
        sys.stdout.flush()
        show_findings(report.findings)
    print_advice(audit)


def print_reach(audit: Reaches, *, advice: bool = True) -> None:
    width = terminal_width() or _PLAIN_WIDTH
    say("".join(f"{inert(line)}\n" for line in _reach(audit, width)))
    if advice:
        print_advice(audit)


def print_advice(audit: Reaches) -> None:
    lines = list(_advice(audit, terminal_width() or _PLAIN_WIDTH))
    say("".join(f"{inert(line)}\n" for line in ["", *lines]) if lines else "")
    sys.stdout.flush()


def text_lines(audit: Reaches, width: int) -> Iterator[str]:
    """Yield the reach and the advice as lines, which take at most ``width`` columns where that is possible."""
    yield from _reach(audit, width)
    advice = list(_advice(audit, width))
    yield from ["", *advice] if advice else ()


def _reach(audit: Reaches, width: int) -> Iterator[str]:
    yield from reach_lines(audit.flows, width, titled=len(audit.flows) > 1)
    if audit.flows and audit.unlabelled:
        yield ""
    yield from unlabelled_lines(audit.unlabelled, width)


def _advice(audit: Reaches, width: int) -> Iterator[str]:
    found = {(one.span.source.name, one.span.start, one.kind): one for flow in audit.flows for one in flow.advice}
    return advice_lines(list(found.values()), width)
