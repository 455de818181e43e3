"""The structure of a file and of its flows, apart from names and types."""

from __future__ import annotations

from .. import syntax as s
from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..source import Span
from .lost_values import lost_values


def structure(file: s.File) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    if not file.flows and not file.types:
        problems.append(
            Diagnostic(
                "F0405",
                "this file has no flow",
                file.span.source.span(0, 0),
                help="write `flow name(param: text) { … return … }`",
            )
        )
    for flow in file.flows:
        problems.extend(_flow(flow))
        problems.extend(_budget(flow))
        problems.extend(lost_values(flow.body.lines))
    return problems


def _budget(flow: s.FlowDecl) -> list[Diagnostic]:
    """Report budgets that allow no calls or no dollars."""
    limits = () if flow.budget is None else (flow.budget.money, flow.budget.calls)
    return [
        Diagnostic(
            "F0407",
            "a budget of 0 allows no calls",
            limit.span,
            help="write the most that the flow may spend, `budget $2.50` or `budget 400 calls`, or delete the budget",
        )
        for limit in limits
        if limit is not None and limit.value <= 0
    ]


def _flow(flow: s.FlowDecl) -> list[Diagnostic]:
    if not flow.returns:
        last = next((line for line in reversed(flow.body.lines) if line.name), None)
        name = last.name.text if last and last.name else "NAME"
        return [
            Diagnostic(
                "F0401",
                f"the flow `{flow.name.text}` has no `return`",
                flow.name.span,
                help=f"end the flow with `return {name}`",
                fix=_return(name, flow.body.lines[-1].span) if last else None,
            )
        ]
    first, *more = flow.returns
    return [
        Diagnostic(
            "F0401",
            "a flow has a single `return`",
            extra.span,
            labels=(Label(first.span, "the first `return` is here"),),
            help="return both values in a record: `return { a, b }`",
        )
        for extra in more
    ]


def _return(name: str, last: Span) -> Fix:
    """Return a fix that returns the last named step. It is on a line of its own if the block has several lines.

    The fix is only a likely guess.
    """
    source = last.source
    end = source.text.find("\n", last.end)
    rest = source.text[last.end : end] if end >= 0 else ""
    if end < 0 or "}" in rest.partition("#")[0]:
        edit = Edit(source.span(last.end, last.end), f" return {name}")
    else:
        edit = Edit(source.span(end, end), "\n" + " " * (last.column - 1) + f"return {name}")
    return Fix(f"end the flow with `return {name}`", (edit,), safe=False)
