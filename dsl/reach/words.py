"""The widths of values in words: `3 words: ≤ 1.6 bits`, `free text`."""

from __future__ import annotations

from math import ceil, inf

from .. import types as t
from ..labels.marks import Trail

MOST_NAMES = 8


def width_words(type_: t.Type | None, bits: float, *, free: bool) -> str:
    """Return the most that one element can write into a value. ``type_`` is the type of the value, if it is known."""
    if free:
        return _FREE.get(type_.kind, "free text") if isinstance(type_, t.Simple) else _freely(type_)
    if bits == inf:
        inner = t.unwrapped(type_) if type_ is not None else None
        return f"a list of any length, {_named(inner.item)}" if isinstance(inner, t.ListOf) else "any number of bits"
    named = _named(type_)
    return f"{named}: {bits_words(bits)}" if named and bits else bits_words(bits)


_FREE = {"json": "free JSON", "number": "any number", "int": "any whole number"}


def _freely(type_: t.Type | None) -> str:
    inner = t.unwrapped(type_) if type_ is not None else None
    if isinstance(inner, t.SizedText) and inner.most is not None:
        return f"free text of at most {inner.most:,} characters"
    inner = inner and (t.as_record(inner) or inner)
    if isinstance(inner, t.Record):
        named = [f"`{one.name}`" for one in inner.fields if _is_free(one.type)]
        return f"free text in {_listed(named)}" if 0 < len(named) < len(inner.fields) else "a record of free text"
    if isinstance(inner, t.ListOf):
        return "a list of free text"
    return "free text"


def _is_free(type_: t.Type) -> bool:
    return t.any_part(
        type_,
        lambda part: (
            isinstance(part, t.SizedText) or (isinstance(part, t.Simple) and part.kind not in ("bool", "none", "model"))
        ),
    )


def _named(type_: t.Type | None) -> str:
    match type_:
        case t.Choice(options):
            return f"{len(options):,} word{'s' * (len(options) != 1)}"
        case t.Range(low, high) if type_.whole:
            return f"{int(high) - int(low) + 1:,} numbers"
        case t.Range(low, high):
            return f"a number {low:g}..{high:g}"
        case t.Simple("bool"):
            return "yes or no"
        case t.Optional(item):
            return f"{_named(item)} or nothing" if _named(item) else ""
        case t.Union(members):
            return f"one of {len(members)} records"
        case t.Record(fields):
            return f"a record of {len(fields)} field{'s' * (len(fields) != 1)}"
        case t.ListOf(item):
            return f"each of {_named(item)}" if _named(item) and not isinstance(item, t.ListOf) else ""
    return ""


def bits_words(bits: float) -> str:
    """Write a number of bits, rounded up to a tenth. A value without bits is fixed."""
    if not bits:
        return "0 bits"
    tenths = ceil(bits * 10 - 1e-9) / 10
    return f"≤ {tenths:,g} bit{'s' * (tenths != 1)}"


def way_of(trail: Trail, source: str) -> tuple[str, ...]:
    """Return the names from a source on. A long way has its first and its last names."""
    names: list[str] = []
    at: Trail | None = trail
    while at is not None and len(names) < MOST_NAMES:
        if at.name and (not names or names[-1] != at.name):
            names.append(at.name)
        at = at.before
    return tuple(reversed(names)) if at is None else (source, "…", *reversed(names[: MOST_NAMES - 2]))


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), "".join(names[-1:]))))


def names_in_words(names: tuple[str, ...], most: int = 4) -> str:
    """Return names as a part of a sentence. Past ``most`` names it counts the others."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    return _listed(shown)
