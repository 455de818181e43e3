"""Operations on static values: fields, lists, records, texts and operators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from .. import syntax as s
from ..arithmetic import NoValueError, combined, negative
from ..plain_data import Json
from ..source import Span
from ..syntax.children import children
from .static_values import OPEN, FoldingAllowance, NoValue, OpenRecord, Outcome, StaticValue, scalar

_REFLEXIVE = {"==": True, "<=": True, ">=": True, "!=": False, "<": False, ">": False}
"""The result of comparing a value with itself, by the operator."""


def built(found: StaticValue, allowance: FoldingAllowance) -> StaticValue | None:
    """Return the value; None if it is too large to work with."""
    return found if allowance.take(found.weight) else None


def field_of(base: Outcome, name: str, span: Span, allowance: FoldingAllowance) -> Outcome:
    if not isinstance(base, StaticValue):
        return base
    if not isinstance(base.value, dict) or name not in base.value:
        return None if isinstance(base.value, OpenRecord) else NoValue(f"this value has no field `{name}`", span)
    value = base.value[name]
    if value is OPEN:
        return None
    if not isinstance(value, (dict, list)):
        return scalar(value)
    if base.whole:
        return StaticValue(value, True, base.weight)
    return StaticValue(value, _whole(value), base.weight) if allowance.take(base.weight) else None


def _whole(value: Json) -> bool:
    todo = [value]
    while todo:
        one = todo.pop()
        if one is OPEN or isinstance(one, OpenRecord):
            return False
        todo.extend(one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ())
    return True


def list_of(items: Iterable[Outcome], allowance: FoldingAllowance) -> Outcome:
    values, whole, weight = [], True, 1
    for one in items:
        if isinstance(one, NoValue):
            return one
        values.append(OPEN if one is None else one.value)
        whole = whole and one is not None and one.whole
        weight += 1 if one is None else one.weight
    return built(StaticValue(values, whole, weight), allowance)


def record_of(entries: Iterable[tuple[str | None, Outcome]], allowance: FoldingAllowance) -> Outcome:
    """Build a record from its fields, in order. An entry without a name is a record whose fields are added."""
    fields: dict[str, Json] = {}
    whole, weight = True, 1
    for name, found in entries:
        if isinstance(found, NoValue):
            return found
        weight += 1 if found is None else 1 + found.weight
        if not allowance.take(1 if found is None else found.weight):
            return None
        whole = whole and found is not None and found.whole
        if name is not None:
            fields[name] = OPEN if found is None else found.value
        elif found is None or not isinstance(found.value, dict):
            # A spread record that the run decides may have any field, and so may replace a field written before it.
            fields, whole = OpenRecord(), False
        elif isinstance(found.value, OpenRecord):
            fields = OpenRecord(found.value)
        else:
            fields.update(found.value)
    return built(StaticValue(fields, whole, weight), allowance)


def text_of(parts: Iterable[Outcome], allowance: FoldingAllowance) -> Outcome:
    """Join the texts and values of a template into one text."""
    texts: list[str] = []
    failed: NoValue | None = None
    known = True
    for one in parts:
        if isinstance(one, NoValue):
            failed = failed or one
        elif one is None or not one.whole or not allowance.take(one.weight):
            known = False
        else:
            texts.append(one.value if isinstance(one.value, str) else json.dumps(one.value, ensure_ascii=False))
    if failed is not None or not known:
        return failed
    return built(scalar("".join(texts)), allowance)


def unary(expr: s.Unary, operand: Outcome) -> Outcome:
    if not isinstance(operand, StaticValue):
        return operand
    return scalar(not operand.value) if expr.operator == "not" else _worked_out(expr, negative, operand.value)


def binary(expr: s.Binary, left: Outcome, right: Outcome, allowance: FoldingAllowance) -> Outcome:
    operator = expr.operator
    if isinstance(left, NoValue):
        return left
    if operator in ("and", "or"):
        return _joined(left, right, ends=operator == "or")
    if operator == "??":
        return left if left is None or left.value is not None else right
    if isinstance(right, NoValue):
        return right
    if operator == "/" and right is not None and right.number == 0:
        return _worked_out(expr, combined, "/", 1, 0)
    if left is None and operator in _REFLEXIVE and expr.left == expr.right and _reads_names_alone(expr.left):
        return scalar(_REFLEXIVE[operator])
    return None if left is None or right is None else _both(expr, left, right, allowance)


def _joined(left: StaticValue | None, right: Outcome, *, ends: bool) -> Outcome:
    """Work out ``and`` or ``or``. A side with the value ``ends`` decides the result alone."""
    if left is not None and bool(left.value) is ends:
        return scalar(ends)
    if left is not None:
        return scalar(bool(right.value)) if isinstance(right, StaticValue) else right
    # A right side that equals ``ends`` decides the result, whatever the left side is.
    return scalar(ends) if isinstance(right, StaticValue) and bool(right.value) is ends else None


def _both(expr: s.Binary, left: StaticValue, right: StaticValue, allowance: FoldingAllowance) -> Outcome:
    weight = left.weight + right.weight
    if weight > 2 and not allowance.take(weight):
        return None
    if expr.operator == "+" and isinstance(left.value, (str, list)):
        found = _worked_out(expr, combined, "+", left.value, right.value)
        return StaticValue(found.value, left.whole and right.whole, weight) if isinstance(found, StaticValue) else found
    if left.whole and right.whole:
        return _worked_out(expr, combined, expr.operator, left.value, right.value)
    if expr.operator == "in" and left.whole and isinstance(right.value, list) and left.value in right.value:
        return scalar(True)
    return None


def _worked_out(expr: s.Expr, work: Callable[..., Json], *operands: Json) -> StaticValue | NoValue:
    try:
        return scalar(work(*operands))
    except NoValueError as error:
        return NoValue(str(error), expr.span)


def _reads_names_alone(expr: s.Expr | s.Ask) -> bool:
    """Return True if an expression only reads names and calls no function. In one place its value is then fixed."""
    return not isinstance(expr, (s.Ask, s.Call)) and all(_reads_names_alone(child) for child in children(expr))
