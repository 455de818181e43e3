"""A condition that never changes: the step is always paid for, or never runs, whatever the condition was to ask."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.names import Program, children
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import walk

_WORDS = frozenset({"true", "false", "none"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def constant_condition(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for flow in program.flows:
        for step in walk(flow):
            if step.line.when and _constant(step.line.when.condition, typed):
                found.append(_finding(step.line.when.condition, "when", "the step"))
            node = step.line.node
            if isinstance(node, s.Map) and node.where is not None and _constant(node.where, typed):
                found.append(_finding(node.where, "where", "each element"))
    return found


def _constant(expr: s.Expr | s.Ask, typed: Typed) -> bool:
    match expr:
        case s.Name(word):
            return word.text in _WORDS or id(expr) in typed.words
        case s.Ask() | s.Call() | s.Template():
            return False
        case s.Binary(operator, left, right) if operator in _COMPARISONS and left == right:
            return _settled(left)
    return all(_constant(child, typed) for child in children(expr))


def _settled(expr: s.Expr | s.Ask) -> bool:
    """Whether an expression has one value in one place: it reads and calls nothing."""
    return not isinstance(expr, (s.Ask, s.Call)) and all(_settled(child) for child in children(expr))


def _finding(condition: s.Expr, clause: str, what: str) -> Diagnostic:
    value = condition.word.text if isinstance(condition, s.Name) else ""
    told = {"true": f"{what} is always taken", "false": f"{what} is never taken"}.get(value, "it decides nothing")
    return Diagnostic(
        "F0713",
        f"this `{clause}` is the same every time",
        condition.span,
        note=f"{told}, and what hangs on it is paid for, or missing, in every run",
        help="compare something that a step or a parameter says, or delete the condition"
        + ("" if value != "false" else " together with what it keeps from running"),
    )
