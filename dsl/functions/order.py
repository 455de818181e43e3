"""The order of a list: `sort` by its values, `rank` by a number with the highest first."""

from __future__ import annotations

from operator import itemgetter

from .. import types as t
from ..arithmetic import NoValueError
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, field_of, items, looked_at, no_value, some_of, there

_BY = Arg("by", t.TEXT, field=True, also="attribute")


def _sorted(given: t.Type, args: Types) -> t.Type | None:
    looked = looked_at(given, args)
    if looked in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(looked, t.ListOf):
        return None
    return given if t.is_number(looked.item) or t.is_text(looked.item) or looked.item == t.JSON else None


def _sort(value: Json, args: Args) -> Json:
    by, exact = args.get("by"), args.get("case_sensitive", False)

    def key(element: Json) -> Json:
        found = there("sort", field_of("sort", element, by), by)
        return found.lower() if isinstance(found, str) and not exact else found

    try:
        return sorted(value, key=key, reverse=args.get("descending", False))
    except TypeError:
        raise NoValueError("`sort` takes a list of numbers or a list of texts, and this one is mixed") from None


def _ranked(given: t.Type, args: Types) -> t.Type | None:
    looked = looked_at(given, args)
    if looked in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(looked, t.ListOf):
        return None
    item = t.unwrapped(looked.item)
    return some_of(given) if t.is_number(item) or item == t.JSON else None


def rank(value: Json, args: Args) -> list[Json]:
    """Return the elements in the order of a number, those without the number last, and at most ``top`` of them."""
    by, sign = args["by"], 1 if args.get("order") == "low" else -1
    numbered: list[tuple[Json, Json]] = []
    without: list[Json] = []
    for one in items("rank", value):
        number = field_of("rank", one, by)
        if number is None:
            without.append(one)
        elif isinstance(number, int | float):
            numbered.append((sign * number, one))
        else:
            raise no_value("rank", "numbers", number)
    numbered.sort(key=itemgetter(0))
    return [*(one for _, one in numbered), *without][: args.get("top")]


FUNCTIONS = (
    ValueFunction(
        "sort",
        "items",
        "a list of numbers or texts",
        _sorted,
        "the elements in the order of their values, or of a field (`by: score`); `descending: true` turns it round. "
        "Without `case_sensitive` capitals count as small letters",
        ("sort([{ n: 2 }, { n: 1 }], by: n)", "[{ n: 1 }, { n: 2 }]"),
        _sort,
        (Arg("descending", t.BOOL, also="reverse"), Arg("case_sensitive", t.BOOL), _BY),
        "list",
        "order",
    ),
    ValueFunction(
        "rank",
        "items",
        "a list of records with a number",
        _ranked,
        "the elements by a number, the highest first (`order: low` turns it round), those without it last; `top: 5` "
        "keeps the first five",
        ("rank([{ n: 1 }, { n: 3 }, { n: 2 }], by: n, top: 2)", "[{ n: 3 }, { n: 2 }]"),
        rank,
        (
            Arg("by", t.TEXT, field=True, also="attribute", required=True),
            Arg("top", t.INT, low=1),
            Arg("order", t.Choice(("high", "low"))),
        ),
        "cut",
        "cut",
    ),
)
