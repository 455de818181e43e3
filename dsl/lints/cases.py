"""The evaluation of conditions case by case, for values that have few possible cases.

It finds the cases in which a condition holds, and the cases in which a value is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from .. import syntax as s
from .. import types as t
from ..checking.program import Scope, Step, Symbol
from ..checking.typed import Typed
from ..syntax.children import children

MOST_CASES = 2000
"""The most cases to try. With more of them the lints claim nothing."""
MOST_VALUES = 20
DEEPEST = 60
"""The most steps to follow back. Behind more of them the lints claim nothing."""

Known = str | bool | int | float | tuple[object, ...] | None
"""A value that the file decides, or None if only the run decides it."""
Subject = tuple[Symbol, str]
"""The subject of a condition: the symbol of a name, and the name as written, with its field if it has one."""
Case = Mapping[Subject, Known]


class Cases:
    """The evaluation of one file's conditions, case by case.

    Each expression is evaluated once for each case. Otherwise the work would double with each step that mentions the
    step before it twice.
    """

    def __init__(self, typed: Typed) -> None:
        self._typed = typed
        self._case: Case = {}
        self._values: dict[int, Known] = {}
        self._missing: dict[int, bool] = {}

    def _enter(self, case: Case) -> None:
        """Forget the results of the previous case."""
        if case is not self._case:
            self._case = case
            self._values.clear()
            self._missing.clear()

    # Subjects

    def all(self, conditions: Iterable[tuple[s.Expr, Scope]]) -> list[Case]:
        """Return every combination of the values that the conditions depend on.

        Return nothing if there are no such values, or too many combinations.
        """
        values: dict[Subject, tuple[Known, ...]] = {}
        seen: set[int] = set()
        for condition, scope in conditions:
            self._collect(condition, scope, values, seen, 0)
        count = 1
        for each in values.values():
            count *= len(each)
        if not values or count > MOST_CASES:
            return []
        return [dict(zip(values, one, strict=True)) for one in product(*values.values())]

    def _collect(
        self, expr: s.Expr, scope: Scope, found: dict[Subject, tuple[Known, ...]], seen: set[int], depth: int
    ) -> None:
        if depth > DEEPEST or expr.number in seen:
            return
        seen.add(expr.number)
        subject = self._subject(expr, scope)
        if subject and (values := _values(subject[1])):
            found[subject[0]] = values
            return
        if inner := _meaning(expr, scope):
            self._collect(*inner, found, seen, depth + 1)
        for child in children(expr):
            if not isinstance(child, s.Ask):
                self._collect(child, scope, found, seen, depth + 1)

    def _subject(self, expr: s.Expr, scope: Scope, depth: int = 0) -> tuple[Subject, t.Type] | None:
        match expr:
            case s.Name(word) if expr.number not in self._typed.nodes.words:
                symbol = scope.lookup(word.text)
                if symbol is None:
                    return None
                step = _plain(symbol)
                if step and isinstance(step.line.node, (s.Name, s.Get)) and depth < DEEPEST:
                    return self._subject(step.line.node, step.scope, depth + 1)
                return (symbol, word.text), self._typed.type_of(symbol)
            case s.Get(base, field):
                inside = self._subject(base, scope, depth)
                type_ = t.unwrapped(inside[1]) if inside else t.UNKNOWN
                if inside and isinstance(type_, t.Record | t.Union) and (known := type_.field(field.text)):
                    return (inside[0][0], f"{inside[0][1]}.{field.text}"), known.type
        return None

    # Values

    def value(self, expr: s.Expr, scope: Scope, case: Case, depth: int = 0) -> Known:
        """Evaluate an expression in one case. None if the case alone does not decide its value."""
        if depth > DEEPEST:
            return None
        self._enter(case)
        if expr.number not in self._values:
            self._values[expr.number] = self._value(expr, scope, case, depth)
        return self._values[expr.number]

    def _value(self, expr: s.Expr, scope: Scope, case: Case, depth: int) -> Known:
        match expr:
            case s.Name(word) if expr.number in self._typed.nodes.words:
                return word.text
            case s.Name(word) if scope.lookup(word.text) is None:
                return {"true": True, "false": False}.get(word.text)
            case s.Text(string):
                return string.value
            case s.Number(_, ""):
                return expr.value
            case s.ListExpr(items):
                each = [self.value(item, scope, case, depth + 1) for item in items]
                return None if None in each else tuple(each)
            case s.Unary("not", operand):
                held = self.value(operand, scope, case, depth + 1)
                return None if held is None else not held
            case s.Binary():
                return self._binary(expr, scope, case, depth)
        found = self._subject(expr, scope)
        if found and found[0] in case:
            return case[found[0]]
        inner = _meaning(expr, scope)
        return self.value(*inner, case, depth + 1) if inner else None

    def _binary(self, expr: s.Binary, scope: Scope, case: Case, depth: int) -> Known:
        left = self.value(expr.left, scope, case, depth + 1)
        right = self.value(expr.right, scope, case, depth + 1)
        match expr.operator:
            case "and" if left is False or right is False:
                return False
            case "or" if left is True or right is True:
                return True
            case "??":
                return left
        if left is None or right is None:
            return None
        match expr.operator, left, right:
            case "and" | "or", _, _:
                return expr.operator == "and"
            case "==", _, _:
                return left == right
            case "!=", _, _:
                return left != right
            case "in", _, tuple():
                return left in right
            case (("<" | "<=" | ">" | ">="), int() | float(), int() | float()):
                if expr.operator in ("<", ">="):
                    return (left < right) == (expr.operator == "<")
                return (left > right) == (expr.operator == ">")
        return None

    # Steps that may be skipped

    def missing(self, expr: s.Node, scope: Scope, case: Case, depth: int = 0) -> bool:
        """Tell whether a value is certainly missing in a case, because every step that could give it is skipped."""
        if depth > DEEPEST:
            return False
        self._enter(case)
        if expr.number not in self._missing:
            self._missing[expr.number] = self._is_missing(expr, scope, case, depth)
        return self._missing[expr.number]

    def _is_missing(self, expr: s.Node, scope: Scope, case: Case, depth: int) -> bool:
        match expr:
            case s.Binary("??", left, right):
                return self.missing(left, scope, case, depth + 1) and self.missing(right, scope, case, depth + 1)
            case s.Name() if step := step_of(expr, scope):
                when = step.line.when
                held = True if when is None else self.value(when.condition, step.scope, case)
                inside = held is not False and self.missing(step.line.node, step.scope, case, depth + 1)
                if when is None or held is True:
                    return inside
                other = when.otherwise is None or self.missing(when.otherwise, step.scope, case, depth + 1)
                return other and (inside or held is False)
        return False

    def conditions(self, expr: s.Node, scope: Scope) -> Iterator[tuple[s.Expr, Scope]]:
        """Yield the conditions of the steps that could give a value."""
        seen: set[int] = set()
        todo: list[tuple[s.Node, Scope, int]] = [(expr, scope, 0)]
        while todo:
            expr, scope, depth = todo.pop()
            if depth > DEEPEST or expr.number in seen:
                continue
            seen.add(expr.number)
            match expr:
                case s.Binary("??", left, right):
                    todo += [(right, scope, depth + 1), (left, scope, depth + 1)]
                case s.Name() if step := step_of(expr, scope):
                    todo.append((step.line.node, step.scope, depth + 1))
                    if when := step.line.when:
                        yield when.condition, step.scope
                        if when.otherwise is not None:
                            todo.append((when.otherwise, step.scope, depth + 1))


def step_of(expr: s.Name, scope: Scope) -> Step | None:
    """Return the step whose value a name stands for. None for a name of another kind."""
    symbol = scope.lookup(expr.word.text)
    return symbol.step if symbol and symbol.kind in ("step", "branch") else None


def _plain(symbol: Symbol) -> Step | None:
    """Return the step of a name if the step has no condition, so that it always runs. None otherwise."""
    step = symbol.step if symbol.kind in ("step", "branch") else None
    return step if step and step.line.when is None else None


def _meaning(expr: s.Expr, scope: Scope) -> tuple[s.Expr, Scope] | None:
    """Return the expression that a name stands for, with its scope. None if the name does not stand for one."""
    symbol = scope.lookup(expr.word.text) if isinstance(expr, s.Name) else None
    step = _plain(symbol) if symbol else None
    node = step.line.node if step else None
    if step is None or not isinstance(node, (s.Name, s.Get, s.Binary, s.Unary, s.ListExpr)):
        return None
    return node, step.scope


def _values(type_: t.Type) -> tuple[Known, ...]:
    match t.unwrapped(type_):
        case t.Choice(options):
            return options
        case t.Simple("bool"):
            return (True, False)
        case t.Range(int() as low, int() as high) if high - low < MOST_VALUES:
            return tuple(range(low, high + 1))
    return ()
