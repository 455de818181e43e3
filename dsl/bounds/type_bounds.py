"""The bounds of an answer by its type, and of the parts of a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

from .. import types as t
from .bound import Bound

Count = Callable[[str], int]
"""A function that returns the number of tokens of a text."""
TOKENS_OF_CHARACTER = 4
"""The most tokens of one character: the vocabularies of models fall back to its bytes in UTF-8."""
_AROUND = 4
"""The most tokens around an item of a list: a comma, a blank and two quotes."""


def answer_bound(type_: t.Type, count: Count) -> Bound:
    """Bound the tokens of an answer by its type. The caller sets ``why`` if there is no limit."""
    match type_:
        case t.Choice(options):
            sizes = [count(option) for option in options]
            # A short word that is estimated as one token may be several, and most models count its end as a token.
            return Bound(max(1, min(sizes, default=1)), 2 * max([1, *sizes]) + 1)
        case t.Range(low, high) if type_.whole:
            return Bound(1, max(len(str(low)), len(str(high))) + 1)
        case t.Simple("bool" | "none"):
            return Bound(1, 3)
        case t.SizedText(_, int() as most):
            # A character takes at most this many tokens, even a rare one, and the end takes one.
            return Bound(1, TOKENS_OF_CHARACTER * most + 1)
        case t.ListOf(item, most=int() as most):
            inner = answer_bound(item, count)
            return Bound(1, None if inner.most is None else (inner.most + _AROUND) * most + 4)
        case t.Optional(item):
            inner = answer_bound(item, count)
            return Bound(1, None if inner.most is None else max(1, inner.most))
        case t.Union(members):
            return reduce(Bound.__or__, [answer_bound(member, count) for member in members])
        case t.Record(fields) if fields:
            parts = list(_parts(fields, count))
            return Bound(1, None if any(part is None for part in parts) else sum(part or 0 for part in parts) + 4)
    return Bound(1, None)


def _parts(fields: Sequence[t.Field], count: Count) -> Iterator[float | None]:
    for field in fields:
        most = answer_bound(field.type, count).most
        yield None if most is None else most + count(f'"{field.name}": "",\n') + 2


def part_bound(type_: t.Type, whole: Bound) -> Bound:
    """Bound a part of a value: it has no more tokens than the value, or than its type allows."""
    tokens = Bound(0, whole.most, whole.why)
    inner = t.unwrapped(type_)
    if isinstance(inner, t.SizedText) and inner.most is not None:
        return tokens.capped(TOKENS_OF_CHARACTER * inner.most + 1)
    return tokens
