"""The types of results, for calls in expressions and for filters alike."""

from __future__ import annotations

from .. import types as t
from .function import Types, ValueFunction

KEEPS_ONE = frozenset({"sort", "unique", "reverse", "dedupe", "rank", "group"})
"""The functions whose result has elements if the list has some."""


def result_of(function: ValueFunction, given: t.Type, args: Types, *, filled: bool) -> t.Type | None:
    """Return the type of a result, or None if the function does not take the value. ``filled``: the list has elements.

    Then it has a first, a last, a smallest, a greatest and a mean.
    """
    if given == t.UNKNOWN:
        return function.gives(t.UNKNOWN, args) or t.UNKNOWN
    made = [function.gives(one, args) for one in (given.options if isinstance(given, t.Mixed) else (given,))]
    if None in made:
        return None
    result = t.join(one for one in made if one is not None)
    if function.size != "one" and function.marks != "order":
        # The list of the result may have fewer elements.
        result = t.plain(result)
    if not filled or not isinstance(given, t.ListOf):
        return result
    if function.name in ("first", "last") and "n" not in args:
        return given.item
    return t.unwrapped(result) if function.name in ("min", "max", "mean") else result
