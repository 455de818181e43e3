"""Calculations with numbers, and with the numbers of a list."""

from __future__ import annotations

import math
from collections.abc import Callable

from .. import types as t
from ..arithmetic import MOST_BITS, NoValueError
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, field_of, items, looked_at, no_value, there

MOST_PLACES = 12
_BY = Arg("by", t.TEXT, field=True, also="attribute")
_NUMBERS = "numbers"


def _rounded(given: t.Type, args: Types) -> t.Type | None:
    return t.NUMBER if t.is_number(given) or given == t.JSON else None


def _absolute(given: t.Type, args: Types) -> t.Type | None:
    if not (t.is_number(given) or given == t.JSON):
        return None
    if isinstance(given, t.Range):
        ends = sorted((abs(given.low), abs(given.high)))
        return t.Range(0 if given.low <= 0 <= given.high else ends[0], ends[1])
    return given


def _summed(given: t.Type, args: Types) -> t.Type | None:
    given = looked_at(given, args)
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf) or not (t.is_number(given.item) or given.item == t.JSON):
        return None
    if given.item == t.UNKNOWN:
        return t.UNKNOWN
    return t.INT if t.is_whole(given.item) and t.is_whole(args.get("start", t.INT)) else t.NUMBER


def _averaged(given: t.Type, args: Types) -> t.Type | None:
    return None if _summed(given, args) is None else t.Optional(t.NUMBER)


def _extreme(given: t.Type, args: Types) -> t.Type | None:
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf) or given.item == t.UNKNOWN:
        return None if not isinstance(given, t.ListOf) else t.UNKNOWN
    plain = t.is_number(given.item) or t.is_text(given.item) or given.item == t.JSON
    return t.Optional(given.item) if plain else None


def _number(name: str, value: Json) -> int | float:
    if not isinstance(value, int | float):
        raise no_value(name, "a number", value)
    return value


def _finite(name: str, work: Callable[[], Json]) -> Json:
    """Return a number that is worked out. Raises NoValueError if it is too large."""
    try:
        made = work()
    except OverflowError:
        made = math.inf
    if made is not None and (not math.isfinite(made) or (isinstance(made, int) and made.bit_length() > MOST_BITS)):
        raise NoValueError(f"the result of `{name}` is too large")
    return made


def _round(value: Json, args: Args) -> Json:
    places, method = args.get("precision", 0), args.get("method", "common")
    number = _number("round", value)
    if not 0 <= places <= MOST_PLACES:
        raise NoValueError(f"`precision` takes a number from 0 to {MOST_PLACES}")
    if method not in ("common", "ceil", "floor"):
        raise no_value("round", "the method `common`, `ceil` or `floor`", method)
    if method == "common":
        return round(number, places)
    up = 10**places
    return _finite("round", lambda: (math.ceil if method == "ceil" else math.floor)(number * up) / up)


def _numbers(name: str, value: Json, args: Args) -> list[Json]:
    by = args.get("by")
    found = [there(name, field_of(name, one, by), by) for one in items(name, value)]
    for one in found:
        if not isinstance(one, int | float):
            raise no_value(name, _NUMBERS, one)
    return found


def _mean(value: Json, args: Args) -> Json:
    found = _numbers("mean", value, args)
    whole = all(isinstance(one, int) for one in found)
    return _finite("mean", lambda: (sum(found) if whole else math.fsum(found)) / len(found)) if found else None


def _sum(value: Json, args: Args) -> Json:
    return _finite("sum", lambda: sum(_numbers("sum", value, args), args.get("start", 0)))


def _of_all(name: str, work: Callable[[list[Json]], Json]) -> Callable[[Json, Args], Json]:
    def call(value: Json, args: Args) -> Json:
        found = [there(name, one, None) for one in items(name, value)]
        try:
            return work(found) if found else None
        except TypeError:
            raise NoValueError(f"`{name}` takes a list of numbers or a list of texts, and this one is mixed") from None

    return call


FUNCTIONS = (
    ValueFunction(
        "round",
        "number",
        "a number",
        _rounded,
        "the number with so many decimal places (`precision`, 0 without it); `method` is common, ceil or floor",
        ("round(2.345, 1)", "2.3"),
        _round,
        (Arg("precision", t.INT, 0, MOST_PLACES), Arg("method", t.Choice(("common", "ceil", "floor")))),
        "number",
    ),
    ValueFunction(
        "abs",
        "number",
        "a number",
        _absolute,
        "the number without its sign",
        ("abs(-3)", "3"),
        lambda value, args: abs(_number("abs", value)),
        size="number",
    ),
    ValueFunction(
        "sum",
        "items",
        _NUMBERS,
        _summed,
        "the sum of the numbers, or of a field; 0 for an empty list",
        ("sum([1, 2, 3])", "6"),
        _sum,
        (_BY, Arg("start", t.NUMBER)),
        "number",
    ),
    ValueFunction(
        "mean",
        "items",
        _NUMBERS,
        _averaged,
        "the arithmetic mean of the numbers, or of a field; none for an empty list",
        ("mean([1, 2])", "1.5"),
        _mean,
        (_BY,),
        "number",
    ),
    ValueFunction(
        "min",
        "items",
        "a list of numbers or texts",
        _extreme,
        "the smallest of the numbers, or the first of the texts by their letters; none for an empty list",
        ("min([3, 1, 2])", "1"),
        _of_all("min", min),
        size="one",
    ),
    ValueFunction(
        "max",
        "items",
        "a list of numbers or texts",
        _extreme,
        "the greatest of the numbers, or the last of the texts by their letters; none for an empty list",
        ("max([3, 1, 2])", "3"),
        _of_all("max", max),
        size="one",
    ),
)
