"""The keys by which values are equal."""

from __future__ import annotations

import json

from ..arithmetic import NoValueError
from ..plain_data import Json


def key_of(value: Json) -> Json:
    """Return a key that equal values share, and no others. True is not 1; 1 and 1.0 are equal."""
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # a text that knows more than its characters
    if kind is bool:
        return bool, value
    try:
        return dict, json.dumps(_normal(value), sort_keys=True)
    except (RecursionError, TypeError, ValueError):
        raise NoValueError("this value is not data, so it has no equal") from None


def _normal(value: Json) -> Json:
    """Return a value in which equal numbers are written alike."""
    if isinstance(value, dict):
        return {name: _normal(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
