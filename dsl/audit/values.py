"""Types and plain values of a plan, written as a flow would write them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from .. import plan as p
from .. import syntax as s
from .. import types as t
from ..checking.extents import Extents
from ..source import Span
from .errors import UnfitError

_CONSTANTS = {True: "true", False: "false"}
_PLAIN = frozenset({t.INT, t.NUMBER, t.BOOL, t.TEXT, t.JSON, t.DOCUMENT, t.IMAGE, t.MODEL})


def type_expr(type_: t.Type, at: Span) -> s.TypeExpr:
    """Write a type. Raise UnfitError if the type is too large, or cannot be written in the language."""
    if (too_much := Extents().too_much(type_)) is not None:
        raise UnfitError(at.text, f"a type in the plan {too_much}")
    return _type_expr(type_, at)


def _type_expr(type_: t.Type, at: Span) -> s.TypeExpr:
    match type_:
        case t.Simple(kind) if type_ in _PLAIN:
            return s.TypeName(s.Word(kind, at), at)
        case t.Range(low, high):
            return s.TypeRange(low, high, at)
        case t.Choice(options) if options:
            return s.TypeChoice(tuple(s.String(option, at) for option in options), at)
        case t.OpenChoice(options) if options:
            return s.TypeChoice((*(s.String(one, at) for one in options), s.Word(t.TEXT.kind, at)), at)
        case t.Quote(source):
            return s.TypeQuote(tuple(s.Word(word, at) for word in source.split(".")), at)
        case t.SizedText(low, most):
            limits = {"min": low or None, "max": most}
            args = [s.SizeArg(s.Word(name, at), limit, at) for name, limit in limits.items() if limit is not None]
            return s.TypeSized(s.Word("text", at), tuple(args), at)
        case t.ListOf(item):
            least = type_.least if type_.sized else None
            return s.TypeList(_type_expr(item, at), at, least, type_.most)
        case t.Optional(item):
            return s.TypeOptional(_type_expr(item, at), at)
        case t.Union(members):
            return s.TypeUnion(tuple(_type_expr(member, at) for member in members), at)
        case t.Record(fields):
            return s.TypeRecord(
                tuple(
                    s.FieldDecl(s.Word(one.name, at), _type_expr(one.type, at), s.String(one.description, at), at)
                    for one in fields
                ),
                at,
            )
    raise UnfitError(
        at.text, f"{t.show(type_) or 'a choice without words'} cannot be the type of a parameter, an answer or a row"
    )


def label_word(label: p.Label, at: Span) -> s.Word | None:
    return s.Word(label, at) if label else None


def value_expr(value: Any, wanted: t.Type | None, at: Span) -> s.Expr:
    """Write a value. If a quantity is ``wanted``, a number gets its unit."""
    inner = t.unwrapped(wanted) if wanted is not None else None
    match value:
        case None:
            return s.Name(s.Word("none", at), at)
        case bool():
            return s.Name(s.Word(_CONSTANTS[value], at), at)
        case int() | float():
            return number_expr(value, inner.unit if isinstance(inner, t.Quantity) else "", at)
        case str():
            return s.Text(s.String(value, at), at)
        case list() | tuple():
            item = inner.item if isinstance(inner, t.ListOf) else None
            return s.ListExpr(tuple(value_expr(one, item, at) for one in value), at)
        case Mapping():
            entries = [
                s.Entry(s.Word(str(name), at), value_expr(one, field_type(inner, str(name)), at), False, at)
                for name, one in value.items()
            ]
            return s.RecordExpr(tuple(entries), at)
    raise UnfitError(at.text, f"a value of a plan must be JSON, and this is a Python {type(value).__name__}")


def number_expr(value: float, unit: s.Unit, at: Span) -> s.Expr:
    size = abs(value)
    if not isfinite(size):
        raise UnfitError(at.text, f"{value} is not a number that a flow can have")
    if unit == "%":
        digits = f"{Decimal(repr(size)) * 100:f}"
    else:
        digits = str(size) if isinstance(size, int) else f"{Decimal(repr(size)):f}"
        digits += ".0" if isinstance(size, float) and "." not in digits else ""
    number = s.Number(digits, unit, at)
    return s.Unary("-", number, at) if value < 0 else number


def field_type(record: t.Type | None, name: str) -> t.Type | None:
    """Return the type of a field, or None if it is not known."""
    field = record.field(name) if isinstance(record, t.Record | t.Union) else None
    return field.type if field is not None else None
