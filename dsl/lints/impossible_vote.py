"""A vote that needs more ballots than it can have: every call is paid for, and the vote always fails."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.names import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from ..source import Span
from .parts import Block, argument, votes


def impossible_vote(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in votes(program, catalog):
        needed = argument(node.reduce, "at_least")
        most = _most(step, node)
        if needed is None or most is None or not isinstance(needed.value, s.Number):
            continue
        count, place = most
        if needed.value.value > count:
            found.append(
                Diagnostic(
                    "F0721",
                    f"this vote needs {needed.value.digits} ballots and has at most {count}",
                    needed.value.span,
                    labels=(Label(place, f"{count} at most"),),
                    note="all of them are paid for, and the vote fails in every run",
                    help=f"need {count} or fewer, or ask more often",
                )
            )
    return found


def _most(step: Step, node: Block) -> tuple[int | float, Span] | None:
    """The most ballots there can be, where the file says so, and the place that says it."""
    match node:
        case s.Repeat(_, most):
            return most.value, most.span
        case s.Fanout(_, reduce):
            return len(step.steps), reduce.rule.span
        case s.Map(_, s.ListExpr(items) as source):
            return len(items), source.span
        case s.Map() if node.at_most is not None:
            return node.at_most.value, node.at_most.span
    return None
