"""The bounds of a number. They come from its declared range, or from its value if the file decides that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil, floor, gcd, inf

from .. import syntax as s
from .. import types as t
from ..records import dataclass
from .calculations import Fact, Facts
from .folding import Folding
from .program import Scope, Step, Symbol

DEEPEST = 60
"""The most steps that are followed back. Behind them no bounds are known."""
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_DENIED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers from ``low`` to ``high`` in steps of ``stride``. A stride of 0 means any number between them.

    ``zero`` is False if the number cannot be 0.
    """

    low: float
    high: float
    stride: int = 0
    zero: bool = True

    @property
    def holds_zero(self) -> bool:
        if not self.zero or not self.low <= 0 <= self.high:
            return False
        return not self.stride or self.low % self.stride == 0


class Intervals:
    """The bounds of the numbers in one checked file. ``type_of`` returns the type of a symbol."""

    def __init__(self, folding: Folding, type_of: Callable[[Symbol], t.Type]) -> None:
        self._folding = folding
        self._type_of = type_of
        self._steps: dict[Step, Interval | None] = {}

    def of(self, expr: s.Expr, scope: Scope, facts: Facts = (), depth: int = 0) -> Interval | None:
        """Return the bounds of an expression if these facts hold. None if nothing is known about it."""
        found = self._plain(expr, scope, facts, depth) if depth < DEEPEST else None
        return self._narrowed(expr, scope, found, facts)

    def _plain(self, expr: s.Expr, scope: Scope, facts: Facts, depth: int) -> Interval | None:
        number = self._folding.number(expr, scope)
        if number is not None:
            return Interval(number, number, int(isinstance(number, int)))
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                if symbol is not None and symbol.kind == "index":
                    return Interval(1, inf, 1)
                step = symbol.step if symbol is not None and symbol.kind in ("step", "branch") else None
                return _ranged(self.type_of(expr, scope)) or (self._step(step, depth) if step is not None else None)
            case s.Get():
                return _ranged(self.type_of(expr, scope))
            case s.Unary("-", operand):
                inner = self.of(operand, scope, facts, depth)
                return replace(inner, low=-inner.high, high=-inner.low) if inner is not None else None
            case s.Binary(operator, left, right):
                first, second = self.of(left, scope, facts, depth), self.of(right, scope, facts, depth)
                return _combined(operator, first, second) if first is not None and second is not None else None
        return None

    def _step(self, step: Step, depth: int) -> Interval | None:
        """Return the bounds of a step's value, if the step is a calculation that always runs."""
        node = step.line.node
        if step.line.when is not None or not isinstance(node, (s.Name, s.Get, s.Unary, s.Binary)):
            return None
        if step not in self._steps:
            # Steps in a circle are refused elsewhere; this entry ends the recursion.
            self._steps[step] = None
            self._steps[step] = self.of(node, step.scope, (), depth + 1)
        return self._steps[step]

    def type_of(self, expr: s.Expr, scope: Scope) -> t.Type:
        """Return the type of a name or of its field, and unknown for any other expression."""
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                return self._type_of(symbol) if symbol is not None else t.UNKNOWN
            case s.Get(base, word):
                record = t.unwrapped(self.type_of(base, scope))
                field = record.field(word.text) if isinstance(record, t.Record | t.Union) else None
                return field.type if field is not None else t.UNKNOWN
        return t.UNKNOWN

    def _narrowed(self, expr: s.Expr, scope: Scope, found: Interval | None, facts: Facts) -> Interval | None:
        """Narrow the bounds of an expression by the conditions that compare this expression."""
        for operator, bound in self._compared(expr, scope, facts) if found is not None else ():
            assert found is not None
            zero = found.zero and not (bound == 0 and operator in ("!=", "<", ">"))
            above, below = (floor(bound) + 1, ceil(bound) - 1) if found.stride else (bound, bound)
            low = max(found.low, {">": above, ">=": bound, "==": bound}.get(operator, found.low))
            high = min(found.high, {"<": below, "<=": bound, "==": bound}.get(operator, found.high))
            # If the first number changes, the numbers at the stride change too.
            found = Interval(low, high, min(found.stride, 1) if low != found.low else found.stride, zero)
        return found

    def _compared(self, expr: s.Expr, scope: Scope, facts: Facts) -> Iterator[tuple[str, float]]:
        for condition, holds in _alone(facts):
            if not isinstance(condition, s.Binary) or condition.operator not in _TURNED:
                continue
            operator = condition.operator if holds else _DENIED[condition.operator]
            for one, other, sign in (
                (condition.left, condition.right, operator),
                (condition.right, condition.left, _TURNED[operator]),
            ):
                bound = self._folding.number(other, scope) if one == expr else None
                if bound is not None:
                    yield sign, bound


def _alone(facts: Facts) -> Iterator[Fact]:
    """Yield the single comparisons inside these facts, each with True if it holds and False if it does not."""
    todo = list(facts)
    while todo:
        condition, holds = todo.pop()
        match condition:
            case s.Unary("not", operand):
                todo.append((operand, not holds))
            case s.Binary(("and" | "or") as operator, left, right):
                if holds is (operator == "and"):
                    todo += [(left, holds), (right, holds)]
            case _:
                yield condition, holds


def _ranged(type_: t.Type) -> Interval | None:
    inner = t.unwrapped(type_)
    return Interval(inner.low, inner.high, int(inner.whole)) if isinstance(inner, t.Range) else None


def _combined(operator: str, a: Interval, b: Interval) -> Interval | None:
    match operator:
        case "??":
            return Interval(min(a.low, b.low), max(a.high, b.high), min(a.stride, b.stride), a.zero or b.zero)
        case "+":
            return Interval(a.low + b.low, a.high + b.high, _strides(a, b))
        case "-":
            return Interval(a.low - b.high, a.high - b.low, _strides(a, b))
        case "*":
            corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
            # A product is 0 if one of its factors is 0.
            zero = a.holds_zero or b.holds_zero
            return Interval(min(corners), max(corners), _factor(a) * b.stride or _factor(b) * a.stride, zero)
    return None


def _factor(one: Interval) -> int:
    """Return the absolute value of an interval with only one whole number; 0 for any other interval."""
    return abs(int(one.low)) if one.low == one.high and one.stride else 0


def _strides(a: Interval, b: Interval) -> int:
    """Return the stride of the sums of two intervals. If one is a single number, it is the stride of the other."""
    if not a.stride or not b.stride:
        return 0
    return gcd(*(one.stride for one in (a, b) if one.low != one.high)) or 1
