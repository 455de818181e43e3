"""The width of a type: the most bits that a value of the type takes, and whether it can hold words of its own."""

from __future__ import annotations

from functools import lru_cache
from math import inf, log2

from .. import types as t
from ..records import dataclass
from .marks import NUMBER_BITS


@dataclass(frozen=True, slots=True)
class Width:
    """The bits of a type. ``free`` says that a value can contain words that the type does not list."""

    bits: float
    free: bool


FREE = Width(inf, True)
CHARACTER_BITS = 21.0
"""The bits of a character of Unicode."""
_SIMPLE = {"bool": Width(1.0, False), "none": Width(0.0, False), "model": Width(inf, False)}


@lru_cache(maxsize=1024)
def width(type_: t.Type) -> Width:
    """Return the width of a type.

    A choice of n words takes log2(n) bits, and a range of n whole numbers as many. A record takes the sum of its
    fields. A list without a greatest length takes any number of bits. Texts, JSON, and numbers without bounds are
    free. A model is one that the file declares.
    """
    match type_:
        case t.Simple(kind):
            return _SIMPLE.get(kind, FREE)
        case t.Choice(options):
            return Width(log2(max(1, len(options))), False)
        case t.Range(low, high):
            return Width(log2(max(1, int(high - low + 1))) if type_.whole else NUMBER_BITS, False)
        case t.SizedText(_, int() as most):
            return Width(CHARACTER_BITS * most, True)
        case t.Quantity():
            return Width(NUMBER_BITS, False)
        case t.ListOf(item):
            inner = width(item)
            if type_.most is not None:
                # A length takes bits, too.
                return Width(inner.bits * type_.most + log2(type_.most - type_.least + 1), inner.free)
            return Width(inf if inner.bits else 0.0, inner.free)
        case t.Optional(item):
            inner = width(item)
            return Width(inner.bits if inner.bits > NUMBER_BITS else log2(2**inner.bits + 1), inner.free)
        case t.Record(fields):
            inside = [width(one.type) for one in fields]
            return Width(sum(one.bits for one in inside), any(one.free for one in inside))
        case t.Union(members):
            inside = [width(one) for one in members]
            return Width(log2(len(inside)) + max(one.bits for one in inside), any(one.free for one in inside))
    return FREE
