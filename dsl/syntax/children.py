"""The expressions inside an expression."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import Ask, Binary, Call, Expr, Get, ListExpr, RecordExpr, Unary


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
