"""The origin of a value: the place in the file where the value of an expression is written."""

from __future__ import annotations

from .. import syntax as s
from ..diagnostics import Label
from ..syntax.children import children
from .folding import Folding
from .program import Scope, Symbol
from .static_values import StaticValue

DEEPEST = 60
"""The most steps that are followed back; beyond them the last step that was reached is shown."""
_MOST_LABELS = 3


def origins(expr: s.Expr | s.Ask, scope: Scope, folding: Folding) -> tuple[Label, ...]:
    """Label the constant steps from which an expression takes its value."""
    found: dict[int, Label] = {}
    todo: list[s.Expr | s.Ask] = [expr]
    while todo and len(found) < _MOST_LABELS:
        one = todo.pop()
        if isinstance(one, s.Ask):
            continue
        value = folding.value(one, scope) if isinstance(one, (s.Name, s.Get)) else None
        if isinstance(value, StaticValue) and isinstance(_base(one), s.Name):
            place, _ = _written(one, scope)
            if place is not one:
                found.setdefault(place.span.start, Label(place.span, f"`{one.span.text}` comes from here"))
            continue
        todo.extend(reversed(list(children(one))))
    return tuple(found.values())


def _base(expr: s.Expr) -> s.Expr:
    while isinstance(expr, s.Get):
        expr = expr.base
    return expr


def _written(expr: s.Expr, scope: Scope, depth: int = 0) -> tuple[s.Node, Scope]:
    """Find the place where the value of a name or a field is written, with its scope."""
    at: tuple[s.Node, Scope] = expr, scope
    while depth < DEEPEST:
        depth += 1
        node, scope = at
        if isinstance(node, s.Name) and (symbol := scope.lookup(node.word.text)) and _is_step(symbol) and symbol.step:
            at = symbol.step.line.node, symbol.step.scope
        elif isinstance(node, s.Get):
            base, inner = _written(node.base, scope, depth)
            entry = _entry(base, node.field.text)
            if entry is None:
                return (base, inner) if base is not node.base else at
            at = entry.value, inner
        else:
            break
    return at


def _is_step(symbol: Symbol) -> bool:
    return symbol.kind in ("step", "branch")


def _entry(node: s.Node, field: str) -> s.Entry | None:
    """Return the entry of a written record that gives a field. None if a spread may give the field."""
    for entry in reversed(node.entries if isinstance(node, s.RecordExpr) else ()):
        if entry.name is None:
            return None
        if entry.name.text == field:
            return entry
    return None
