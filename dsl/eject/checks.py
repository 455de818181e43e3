"""The checks of answers as functions of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from .. import plan as p
from ..export.words import ExpressionWriter
from .expressions import Expressions
from .output import Output, text_literal
from .scopes import Scope

_COMPARED = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_CONDITION = 200


class Checks:
    """The writer of checks."""

    def __init__(self, out: Output, expressions: Expressions) -> None:
        self.out = out
        self.expressions = expressions
        self.words = ExpressionWriter(out.wire.functions)

    def write(self, check: p.Check, scope: Scope) -> str:
        """Write the function that returns why an answer fails."""
        own = scope.inner()
        own.lines = scope.lines
        answer = scope.flow.free("answer")
        own.values |= dict.fromkeys(check.names, answer)

        def function(expr: p.Expr) -> str:
            return f"lambda {answer}: {self.expressions.write(expr, own)}"

        parts = []
        for part in _joined(check.condition):
            sides = ", ".join(
                f"({text_literal(self._code(side))}, {function(side)}, {_of_answer(side, check.names)})"
                for side in _sides(part)
            )
            parts.append(f"({function(part)}, {text_literal(self._code(part))}, [{sides}])")
        message = text_literal(check.message.rstrip(" ."))
        whole = text_literal(self._code(check.condition))
        outer = scope.flow.free("answer")
        return f"lambda {outer}: {self.out.use('fault')}({outer}, {whole}, {message}, [{', '.join(parts)}])"

    def _code(self, expr: p.Expr) -> str:
        written = self.words.expr(expr)
        return f"`{written if len(written) <= _CONDITION else written[:_CONDITION] + '…'}`"


def _joined(condition: p.Expr) -> Iterator[p.Expr]:
    if isinstance(condition, p.Apply) and condition.operator == "and":
        for operand in condition.operands:
            yield from _joined(operand)
    else:
        yield condition


def _sides(part: p.Expr) -> list[p.Expr]:
    """Return the sides of a condition whose values a model may read."""
    if isinstance(part, p.Apply) and part.operator in _COMPARED:
        return [side for side in part.operands if not isinstance(side, p.Constant)]
    return []


def _of_answer(expr: p.Expr, own: tuple[str, ...]) -> bool:
    while isinstance(expr, p.FieldOf):
        expr = expr.base
    return isinstance(expr, p.Ref) and expr.name in own
