"""The shape of a file and of its flows, apart from names and types."""

from __future__ import annotations

from . import syntax as s
from .diagnostics import Diagnostic, Label


def structure(file: s.File) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    if not file.flows:
        problems.append(
            Diagnostic(
                "F0405",
                "there is no flow in this file",
                file.span.source.span(0, 0),
                help="write `flow name(param: text) { … return … }`",
            )
        )
    for flow in file.flows:
        problems.extend(_flow(flow))
    return problems


def _flow(flow: s.FlowDecl) -> list[Diagnostic]:
    if not flow.returns:
        last = next((line.name.text for line in reversed(flow.body.lines) if line.name), None)
        return [
            Diagnostic(
                "F0401",
                f"the flow `{flow.name.text}` returns nothing",
                flow.name.span,
                help=f"end it with `return {last or 'NAME'}`",
            )
        ]
    first, *more = flow.returns
    return [
        Diagnostic(
            "F0401",
            "a flow returns one value",
            extra.span,
            labels=(Label(first.span, "returned here already"),),
            help="return both in a record: `return { a, b }`",
        )
        for extra in more
    ]
