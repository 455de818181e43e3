"""The facts that follow from a condition: the names that cannot be missing where it holds."""

from __future__ import annotations

from .. import syntax as s


def found_there(condition: s.Expr) -> frozenset[str]:
    """Return the names that cannot be missing where a condition holds; a field is dotted text.

    Only comparisons such as `x != none` tell this, alone or joined by `and`.
    """
    match condition:
        case s.Binary("and", left, right):
            return found_there(left) | found_there(right)
        case s.Binary("!=", left, s.Name(s.Word("none"))) | s.Binary("!=", s.Name(s.Word("none")), left):
            path = _path(left)
            return frozenset({path}) if path else frozenset()
        case s.Unary("not", s.Binary("==", left, right)):
            return found_there(s.Binary("!=", left, right, condition.span))
    return frozenset()


def _path(expr: s.Expr) -> str | None:
    match expr:
        case s.Name(word):
            return word.text
        case s.Get(base, word):
            outer = _path(base)
            return f"{outer}.{word.text}" if outer else None
    return None
