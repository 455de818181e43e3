"""Values of a template that are one of several types, and what types have in common."""

from __future__ import annotations

from dataclasses import dataclass

from .. import types as t


@dataclass(frozen=True, slots=True)
class Mixed(t.Record):
    """A value of one of several types: it can be placed and tested, and has nothing that both would have."""


def merged(*types: t.Type) -> t.Type:
    """The type of a value that is one of these; where they have nothing in common it can only be placed."""
    result: t.Type | None = None
    for given in types:
        result = given if result is None else _merged(result, given)
    return t.UNKNOWN if result is None else result


def _merged(a: t.Type, b: t.Type) -> t.Type:
    if a == b or t.UNKNOWN in (a, b):
        return a if a == b else t.UNKNOWN
    if t.NONE in (a, b):
        return t.join([a, b])
    inner, other = t.unwrapped(a), t.unwrapped(b)
    if isinstance(inner, t.ListOf) and isinstance(other, t.ListOf):
        both: t.Type = listed(inner, other)
    elif isinstance(inner, Mixed) or isinstance(other, Mixed):
        both = _mixed(inner, other)
    else:
        both = t.join([inner, other])
        if both == t.JSON and (t.JSON not in (inner, other) or t.MODEL in (inner, other)):
            both = _mixed(inner, other)
    return t.Optional(both) if isinstance(a, t.Optional) or isinstance(b, t.Optional) else both


def listed(a: t.ListOf, b: t.ListOf) -> t.ListOf:
    # An empty list is one of anything.
    if t.UNKNOWN in (a.item, b.item):
        return b if a.item == t.UNKNOWN else a
    return t.ListOf(_merged(a.item, b.item))


def _mixed(a: t.Type, b: t.Type) -> Mixed:
    names = dict.fromkeys(f"{t.show(a)} or {t.show(b)}".split(" or "))
    models = (t.Field("model", t.MODEL),) if t.holds_model(a) or t.holds_model(b) else ()
    return Mixed(models, " or ".join(names))


def is_list(type_: t.Type) -> bool:
    type_ = t.unwrapped(type_)
    return isinstance(type_, t.ListOf) or (isinstance(type_, Mixed) and "[" in type_.name)
