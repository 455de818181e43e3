"""Repeats and votes that cost more than they can tell."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..names import Program, Step
from ..typecheck import Typed

MANY = 9


def repeats(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        found
        for flow in program.flows
        for step in flow.walk()
        if isinstance(step.line.node, s.Repeat)
        for found in _repeat(step, step.line.node, typed, catalog)
    ]


def _repeat(step: Step, node: s.Repeat, typed: Typed, catalog: Catalog) -> Iterator[Diagnostic]:
    rule = catalog.reducers.get(node.reduce.rule.text)
    votes = rule is not None and rule.votes
    most = node.most.value
    fixed = node.least.value == most
    if most == 1:
        yield Diagnostic(
            "F0706", "a repeat of one repeats nothing", node.most.span, help="write the step without `repeat`"
        )
        return
    if votes and most > MANY:
        yield Diagnostic(
            "F0708",
            f"up to {node.most.digits} votes, and each is paid",
            node.most.span,
            help="3 to 5 mostly tell as much; to pay for more only while they disagree, write `repeat 3..9`",
        )
    ties = any(arg.name and arg.name.text == "ties" for arg in node.reduce.args)
    if votes and fixed and most > 0 and most % 2 == 0 and not ties:
        yield Diagnostic(
            "F0705",
            f"{node.most.digits} votes can end in a tie",
            node.most.span,
            help="take an odd number, or say what a tie means: `reduce majority(ties: first)`",
        )
    if votes and step.steps:
        value = typed.steps.get(step.steps[-1], t.UNKNOWN)
        if value in (t.TEXT, t.DOCUMENT):
            yield Diagnostic(
                "F0704",
                "a vote on free text: two answers are hardly ever the same",
                step.steps[-1].line.span,
                help='give the answer a type, `-> YES | NO`, or combine the texts with `reduce ask "…"`',
            )
    for inner in step.walk():
        for option in inner.line.options:
            zero = isinstance(option.value, s.Number) and option.value.value == 0
            if option.name.text == "temperature" and zero and isinstance(inner.line.node, s.Ask):
                yield Diagnostic(
                    "F0707",
                    "at temperature 0 each sample is the same answer",
                    option.value.span,
                    help="leave the temperature out, or set one above 0",
                )
