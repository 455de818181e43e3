"""The evaluation of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from flowrun.dsl import NoValueError, combined, negative, types
from flowrun.dsl import plan as p

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .model_values import ModelValue, field_of
from .prompts import render
from .rules import FileText, RuleValue

__all__ = ["Constants", "ModelValue", "Names", "ValueFailure", "evaluate", "shaped"]


class ValueFailure(FlowrunError):
    """An expression has no value, for example because of a division by zero."""


class Names(Protocol):
    """The names that an expression may mention, with their values, and the functions that it may call."""

    def value(self, name: str) -> Json: ...

    def call(self, function: str, args: Mapping[str, Json]) -> Json: ...


class Constants(Names):
    """The names for expressions in the declarations of models. No name has a value there."""

    def value(self, name: str) -> Json:
        raise ValueFailure(f"an option of a model must be a plain value, and `{name}` is a name")

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        raise ValueFailure(f"an option of a model must be a plain value, and `{function}` is a function")


def evaluate(expr: p.Expr, names: Names) -> Json:
    """Evaluate an expression. Raise FlowrunError if it has no value."""
    return _EVALUATE[type(expr)](expr, names)


def _field(expr: p.FieldOf, names: Names) -> Json:
    record = evaluate(expr.base, names)
    # Most fields are those of records, and a map may read a million of them.
    return record.get(expr.field) if isinstance(record, dict) else field_of(record, expr.field)


def _named(args: Mapping[str, p.Expr], names: Names) -> dict[str, Json]:
    return {name: evaluate(arg, names) for name, arg in args.items()}


def _record(expr: p.RecordOf, names: Names) -> Json:
    record: dict[str, Json] = {}
    for entry in expr.entries:
        value = evaluate(entry.value, names)
        if entry.name is not None:
            record[entry.name] = value
        elif isinstance(value, Mapping):
            record.update(value)
        else:
            raise ValueFailure(f"only a record can be spread, and this is {value!r:.40}")
    return record


def shaped(value: Json, type_: types.Type) -> Json:
    """Cut a value to its type.

    Its records get exactly the fields of the type. A missing field becomes none.
    """
    match types.unwrapped(type_):
        case types.ListOf(item) if isinstance(value, Sequence) and not isinstance(value, str):
            return [shaped(one, item) for one in value]
        case types.Union(tag=tag) as union if isinstance(value, Mapping):
            member = union.member(value.get(tag))
            return value if member is None else shaped(value, member)
        case types.Record(fields) if isinstance(value, Mapping):
            record = {field.name: shaped(value.get(field.name), field.type) for field in fields}
            # A file is shown as its text, if it has one.
            return FileText(record) if isinstance(value, FileText) and "text" in record else record
    return value


def _apply(expr: p.Apply, names: Names) -> Json:
    operator, operands = expr.operator, expr.operands
    first = evaluate(operands[0], names)
    match operator:
        case "not":
            return not first
        case "negative":
            return _value(negative, first)
        case "and":
            return bool(first) and bool(evaluate(operands[1], names))
        case "or":
            return bool(first) or bool(evaluate(operands[1], names))
        case "??":
            return evaluate(operands[1], names) if first is None else first
    return _value(combined, operator, first, evaluate(operands[1], names))


def _value(work: Callable[..., Json], *operands: Json) -> Json:
    try:
        return work(*operands)
    except NoValueError as error:
        raise ValueFailure(str(error)) from None


# A table, because a map of a million elements evaluates some expressions for each of them.
_EVALUATE: Mapping[type[p.Expr], Callable[[Any, Names], Json]] = {
    p.Constant: lambda expr, names: expr.value,
    p.Ref: lambda expr, names: names.value(expr.name),
    p.FieldOf: _field,
    p.TextOf: lambda expr, names: render(expr.template, names.value),
    p.Items: lambda expr, names: [evaluate(item, names) for item in expr.items],
    p.RecordOf: _record,
    p.CallOf: lambda expr, names: names.call(expr.function, _named(expr.args, names)),
    p.RuleOf: lambda expr, names: RuleValue(expr.rule, _named(expr.args, names)),
    p.Apply: _apply,
    p.TypeOf: lambda expr, names: expr.type,
    p.ShapeOf: lambda expr, names: shaped(evaluate(expr.value, names), expr.type),
}
