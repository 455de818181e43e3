"""The evaluation of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from flowrun.dsl import NoValueError, combined, dataclass, negative, types
from flowrun.dsl import plan as p

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .prompts import render
from .rules import FileText, RuleValue


class ValueFailure(FlowrunError):
    """An expression has no value, for example because of a division by zero."""


@dataclass(frozen=True, slots=True)
class ModelValue:
    """A model as a value. ``options`` are those of its declaration.

    ``fallback`` is the address of the model that gets a call which has failed for good at this model.
    """

    name: str
    address: str
    options: tuple[tuple[str, Json], ...] = ()
    fallback: str | None = None


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
    match expr:
        case p.Constant(value):
            return value
        case p.Ref(name):
            return names.value(name)
        case p.FieldOf(base, field):
            record = evaluate(base, names)
            # A field that may be missing can be absent, and so can any field of json.
            return record.get(field) if isinstance(record, Mapping) else None
        case p.TextOf(template):
            return render(template, names.value)
        case p.Items(items):
            return [evaluate(item, names) for item in items]
        case p.RecordOf(entries):
            return _record(entries, names)
        case p.CallOf(function, args):
            return names.call(function, {name: evaluate(arg, names) for name, arg in args.items()})
        case p.RuleOf(rule, args):
            return RuleValue(rule, {name: evaluate(arg, names) for name, arg in args.items()})
        case p.Apply(operator, operands):
            return _apply(operator, operands, names)
        case p.TypeOf(type):
            return type
        case p.ShapeOf(value, type):
            return shaped(evaluate(value, names), type)


def _record(entries: tuple[p.Entry, ...], names: Names) -> Json:
    record: dict[str, Json] = {}
    for entry in entries:
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
        case types.Record(fields) if isinstance(value, Mapping):
            record = {field.name: shaped(value.get(field.name), field.type) for field in fields}
            # A file is shown as its text, if it has one.
            return FileText(record) if isinstance(value, FileText) and "text" in record else record
    return value


def _apply(operator: str, operands: tuple[p.Expr, ...], names: Names) -> Json:
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
