"""The values that a type shapes: those of sources, and those that a model or a function makes of others."""

from __future__ import annotations

from math import inf, log2

from .. import types as t
from .marks import CONTENT, CONTROL, COUNT, JOINED, LENGTH_BITS, NOTHING, Mark, Reach, Trail, changed
from .values import EMPTY, Value
from .widths import width


def shaped(type_: t.Type, reach: Reach, axis: str = "") -> Value:
    """Return a value of a type that was made from values with these marks. Each part gets the width of its own type.

    If the type is a list, its items belong to the iterations of ``axis``.
    """
    if not reach:
        return EMPTY
    inner = t.unwrapped(type_)
    inner = t.as_record(inner) or inner
    optional = {} if inner is type_ else changed(reach, lambda mark: cut(mark, 1.0, free=False, channels=CONTROL))
    match inner:
        case t.Record(fields) if fields:
            return Value(optional, {one.name: shaped(one.type, reach) for one in fields})
        case t.ListOf(item):
            least, most = t.lengths(inner)
            bits = LENGTH_BITS if most is None else min(LENGTH_BITS, log2(most - least + 1))
            length = changed(reach, lambda mark: cut(mark, bits, free=False, channels=COUNT))
            return Value(optional, None, shaped(item, reach), axis, length, inf if most is None else most)
    wide = width(type_)
    return Value(changed(reach, lambda mark: cut(mark, wide.bits, free=wide.free, channels=CONTENT)))


def cut(mark: Mark, bits: float, *, free: bool, channels: int) -> Mark:
    axes, mix, known, was_free, through, many, several, steered, told, trail = mark
    if channels == CONTENT:
        channels |= through
    bits = bits if bits < known else known
    return Mark(axes, mix, bits, was_free and free, channels, many, several, steered or was_free, told, trail)


def foreign(source: str, type_: t.Type, name: str, axes: frozenset[str], *, apart: bool = True) -> Value:
    """Return the value of a source of a type. If it is a list and no loop is around it, its items are apart."""
    trail = Trail(name)
    inner = t.unwrapped(type_)
    if isinstance(inner, t.ListOf) and apart and not axes:
        return Value(NOTHING, None, _part(source, inner.item, trail, frozenset({source})), source)
    return _part(source, type_, trail, axes)


def _part(source: str, type_: t.Type, trail: Trail, axes: frozenset[str]) -> Value:
    inner = t.unwrapped(type_)
    inner = t.as_record(inner) or inner
    mix = JOINED if not axes else 0
    match inner:
        case t.Record(fields) if fields:
            return Value(NOTHING, {one.name: _part(source, one.type, trail, axes) for one in fields})
        case t.ListOf(item):
            length = {source: Mark(axes, mix, LENGTH_BITS, False, COUNT, trail=trail)}
            return Value(NOTHING, None, _part(source, item, trail, axes), "", length)
    wide = width(type_)
    return Value({source: Mark(axes, mix, wide.bits, wide.free, CONTENT, trail=trail)})


def bounded(value: Value, type_: t.Type) -> Value:
    """Return a value without parts, with no more bits than its type has."""
    if not value.reach or not value.plain:
        return value
    wide = width(type_)
    if wide.free and wide.bits == inf:
        return value
    return Value(
        changed(value.reach, lambda mark: mark._replace(bits=min(mark.bits, wide.bits), free=mark.free and wide.free))
    )
