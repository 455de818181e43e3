"""The equality of an answer and the expected one, by the type that the flow declares for it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, isfinite

from flowrun.dsl import text_key, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import in_words

_CLOSE = 1e-9
"""Numbers that differ by less than this share of their size are equal: a sum in another order is the same answer."""


def same(want: Json, got: Json, type_: types.Type) -> bool:
    """Tell whether two values of a type are the same answer.

    Words of a choice are equal as ballots are: case, blanks and final points make no difference. Numbers are equal by
    their value, texts letter by letter, and records and lists part by part.
    """
    if want is None or got is None:
        return want is got
    match types.unwrapped(type_):
        case types.Choice() if isinstance(want, str) and isinstance(got, str):
            return text_key(want) == text_key(got)
        case types.Record(fields) if isinstance(want, Mapping) and isinstance(got, Mapping):
            return all(same(want.get(one.name), got.get(one.name), one.type) for one in fields)
        case types.ListOf(item) if isinstance(want, list) and isinstance(got, list):
            return len(want) == len(got) and all(same(a, b, item) for a, b in zip(want, got, strict=True))
    return _equal(want, got)


def answer_class(value: Json) -> str:
    """Return the text that stands for an answer where equal answers are counted together: 2.0 is 2."""
    return in_words(_plain(value))


def _plain(value: Json) -> Json:
    if isinstance(value, float) and isfinite(value):
        near = float(f"{value:.9g}")
        return int(near) if near.is_integer() and abs(near) < 1e15 else near
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _equal(want: Json, got: Json) -> bool:
    """Compare plain JSON. True is not 1."""
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return want == got or isclose(want, got, rel_tol=_CLOSE)
    if isinstance(want, Mapping) and isinstance(got, Mapping):
        return want.keys() == got.keys() and all(_equal(value, got[name]) for name, value in want.items())
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(_equal, want, got))
    return type(want) is type(got) and bool(want == got)
