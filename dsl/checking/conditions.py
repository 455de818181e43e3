"""The facts that follow from a condition: the values that cannot be missing if it holds."""

from __future__ import annotations

from .. import syntax as s
from .facts import path_of


def found_there(condition: s.Expr) -> frozenset[str]:
    """Return the names whose values cannot be missing if a condition holds. A field is written with dots.

    Only comparisons such as `x != none` prove this, alone or joined by `and`.
    """
    match condition:
        case s.Binary("and", left, right):
            return found_there(left) | found_there(right)
        case s.Binary("!=", left, s.Name(s.Word("none"))) | s.Binary("!=", s.Name(s.Word("none")), left):
            path = path_of(left)
            return frozenset({path}) if path else frozenset()
        case s.Unary("not", s.Binary("==", left, right)):
            return found_there(s.Binary("!=", left, right, condition.span))
    return frozenset()
