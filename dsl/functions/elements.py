"""The elements of a list: the first and the last, each once, in reverse order."""

from __future__ import annotations

from .. import types as t
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, field_of, items, looked_at, no_value, some_of
from .keys import key_of

_BY = Arg("by", t.TEXT, field=True, also="attribute")
_CASE = Arg("case_sensitive", t.BOOL)
_N = Arg("n", t.INT, low=0)


def _one(given: t.Type, args: Types) -> t.Type | None:
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf):
        return None
    if "n" in args:
        return some_of(given)
    return given.item if isinstance(given.item, t.Optional) or given.item == t.UNKNOWN else t.Optional(given.item)


def _reversed(given: t.Type, args: Types) -> t.Type | None:
    if isinstance(given, t.ListOf) or given in (t.JSON, t.UNKNOWN):
        return given
    return t.TEXT if t.is_text(given) else None


def plain(given: t.Type, args: Types) -> t.Type | None:
    """Return the list itself if its elements, or the looked-at fields, are texts, numbers or bools."""
    looked = looked_at(given, args)
    if looked in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(looked, t.ListOf):
        return None
    item = t.unwrapped(looked.item)
    return given if item in (t.BOOL, t.JSON) or t.is_number(item) or t.is_text(item) else None


def _data(given: t.Type, args: Types) -> t.Type | None:
    fits = isinstance(given, t.ListOf) or given in (t.JSON, t.UNKNOWN)
    looked = looked_at(given, args)
    return some_of(given) if fits and not t.holds_model(given) and not t.holds_image(looked) else None


def _once(given: t.Type, args: Types) -> t.Type | None:
    found = plain(given, args)
    return None if found is None else some_of(found)


def _first(value: Json, args: Args) -> Json:
    if args.get("n") is None:
        return next(iter(value), None)
    return items("first", value)[: args["n"]]


def _last(value: Json, args: Args) -> Json:
    if args.get("n") is None:
        return value[-1] if value else None
    return items("last", value)[-args["n"] :] if args["n"] else []


def _reverse(value: Json, args: Args) -> Json:
    if isinstance(value, str | list | tuple):
        return value[::-1] if isinstance(value, str) else list(value)[::-1]
    raise no_value("reverse", "a text or a list", value)


def _unique(value: Json, args: Args) -> Json:
    by, exact = args.get("by"), args.get("case_sensitive", False)
    seen: dict[Json, Json] = {}
    for one in value:
        key = field_of("unique", one, by)
        seen.setdefault(key.lower() if isinstance(key, str) and not exact else key, one)
    return list(seen.values())


def dedupe(value: Json, args: Args) -> list[Json]:
    """Return the elements whose field, or which themselves, equal none before them."""
    by = args.get("by")
    seen: dict[Json, Json] = {}
    for one in items("dedupe", value):
        seen.setdefault(key_of(field_of("dedupe", one, by)), one)
    return list(seen.values())


FUNCTIONS = (
    ValueFunction(
        "first",
        "items",
        "a list",
        _one,
        "the first element, or none; with `n` a list of the first n elements",
        ("first([4, 5, 6], 2)", "[4, 5]"),
        _first,
        (_N,),
        "one",
        "one",
    ),
    ValueFunction(
        "last",
        "items",
        "a list",
        _one,
        "the last element, or none; with `n` a list of the last n elements, in their order",
        ("last([4, 5, 6], 2)", "[5, 6]"),
        _last,
        (_N,),
        "one",
        "one",
    ),
    ValueFunction(
        "reverse",
        "items",
        "a text or a list",
        _reversed,
        "the elements of a list, or the characters of a text, from the last to the first",
        ("reverse([1, 2, 3])", "[3, 2, 1]"),
        _reverse,
        size="list",
        marks="order",
    ),
    ValueFunction(
        "unique",
        "items",
        "a list of numbers, texts or bools",
        _once,
        "each element once; of elements that are equal, or have an equal field, the first stays. Without "
        "`case_sensitive` capitals count as small letters",
        ('unique(["a", "A", "b"])', '["a", "b"]'),
        _unique,
        (_CASE, _BY),
        "cut",
        "cut",
    ),
    ValueFunction(
        "dedupe",
        "items",
        "a list of data",
        _data,
        "each element once, whatever it is: of elements that are equal, as `==` says, or have an equal field, the "
        "first stays",
        ("dedupe([{ a: 1 }, { a: 1 }, { a: 2 }], by: a)", "[{ a: 1 }, { a: 2 }]"),
        dedupe,
        (_BY,),
        "cut",
        "cut",
    ),
)
