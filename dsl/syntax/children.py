"""The expressions inside an expression."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import Ask, Binary, Call, Expr, Get, ListExpr, Name, RecordExpr, Unary


def dotted(expr: Expr) -> str:
    """Return ``a.b`` for a field of a name, ``a`` for a name, and "" for any other expression."""
    if isinstance(expr, Name):
        return expr.word.text
    before = dotted(expr.base) if isinstance(expr, Get) else ""
    return f"{before}.{expr.field.text}" if before and isinstance(expr, Get) else ""


def children(expr: Expr) -> Iterator[Expr | Ask]:
    """Yield the expressions directly inside an expression."""
    match expr:
        case Get(base):
            yield base
        case ListExpr(items):
            yield from items
        case RecordExpr(entries):
            for entry in entries:
                yield entry.value
        case Call(_, args):
            for arg in args:
                yield arg.value
        case Unary(_, operand):
            yield operand
        case Binary(_, left, right):
            yield left
            yield right
