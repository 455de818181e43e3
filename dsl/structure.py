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
        problems.extend(_money(flow))
        problems.extend(_lost(flow.body.lines))
    return problems


def _lost(lines: tuple[s.Line, ...]) -> list[Diagnostic]:
    """Values on lines of their own, where no block takes them and no name leads to them.

    A lone word is mostly a word of another language, or a misspelled one: the names tell of it.
    """
    problems = []
    for line in lines:
        node = line.node
        if isinstance(node, (s.Fanout, s.Map, s.Repeat, s.Chain)):
            inner = node.body.lines
            # A branch without a name is told of elsewhere.
            problems += _lost(inner[:-1]) if not isinstance(node, s.Fanout) else []
            if inner and isinstance(inner[-1].node, (s.Fanout, s.Map, s.Repeat, s.Chain)):
                problems += _lost((inner[-1],))
        elif line.name is None and not isinstance(node, (s.Ask, s.Name)):
            problems.append(
                Diagnostic(
                    "F0406",
                    "nothing can mention this value",
                    line.span,
                    help="give it a name, `name = …`, or delete it"
                    + (
                        "; there is no indexing, and a field is written `.name`" if isinstance(node, s.ListExpr) else ""
                    ),
                )
            )
    return problems


def _money(flow: s.FlowDecl) -> list[Diagnostic]:
    if flow.budget is None or flow.budget.money is None:
        return []
    return [
        Diagnostic(
            "F0407",
            "a budget in money is not held yet",
            flow.budget.money.span,
            note="a limit that is written and not held would be worse than none",
            help="write a budget of calls, `budget 400 calls`, which is held",
        )
    ]


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
