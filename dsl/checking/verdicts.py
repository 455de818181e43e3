"""The truth of a condition that the file and the types decide, whatever a run answers."""

from __future__ import annotations

from math import inf

from .. import syntax as s
from .. import types as t
from .intervals import Intervals
from .program import Scope
from .static_values import StaticValue
from .typed import Typed

_COMPARED = frozenset({"<", "<=", ">", ">=", "==", "!="})


class Verdicts:
    """The verdicts about the conditions of a file."""

    def __init__(self, typed: Typed) -> None:
        self._typed = typed
        self._intervals = Intervals(typed.folding, typed.type_of)

    def of(self, condition: s.Expr, scope: Scope) -> bool | None:
        """Return the value that a condition has in every run. None if a run decides it."""
        found = self._typed.folding.value(condition, scope)
        if isinstance(found, StaticValue):
            return bool(found.value)
        match condition:
            case s.Unary("not", operand):
                inner = self.of(operand, scope)
                return None if inner is None else not inner
            case s.Binary(("and" | "or") as operator, left, right):
                sides = self.of(left, scope), self.of(right, scope)
                ends = operator == "or"
                return ends if ends in sides else None if None in sides else not ends
            case s.Binary(operator, left, right) if operator in _COMPARED:
                first, second = self._bounds(left, scope), self._bounds(right, scope)
                return None if first is None or second is None else _compared(operator, first, second)
        return None

    def _bounds(self, expr: s.Expr, scope: Scope) -> tuple[float, float] | None:
        """Return the least and the greatest value of a number. None if nothing is known."""
        if (found := self._intervals.of(expr, scope)) is not None:
            return found.low, found.high
        if isinstance(expr, s.Call) and expr.prefix is None and expr.function.text == "length" and len(expr.args) == 1:
            arg = expr.args[0].value
            type_ = self._intervals.type_of(arg, scope) if not isinstance(arg, s.Ask) else t.UNKNOWN
            least, most = t.lengths(type_)
            return least, inf if most is None else most
        return None


def _compared(operator: str, a: tuple[float, float], b: tuple[float, float]) -> bool | None:
    if operator in (">", ">="):
        return _compared({">": "<", ">=": "<="}[operator], b, a)
    apart = a[1] < b[0] or b[1] < a[0]
    match operator:
        case "<":
            return True if a[1] < b[0] else False if a[0] >= b[1] else None
        case "<=":
            return True if a[1] <= b[0] else False if a[0] > b[1] else None
    same = a[0] == a[1] == b[0] == b[1]
    if not apart and not same:
        return None
    return apart is (operator == "!=")
