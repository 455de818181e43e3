"""Dataclasses as plain JSON data, and a strict reader of JSON."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Json = Any
"""A value of JSON: None, bool, int, float, str, or lists and dicts of those."""


OMITTED = "omitted"
"""The key of a field's metadata for the value with which the field is left out of JSON."""


def plain_data(whole: Any) -> dict[str, Any]:
    """Return a dataclass as JSON data. The function does not recurse, because blocks may be nested deeply."""
    root: dict[str, Any] = {}
    todo: list[tuple[Any, Any, Any]] = [(whole, root, "whole")]
    while todo:
        value, into, place = todo.pop()
        if is_dataclass(value):
            made: Any = dict.fromkeys(_written(value))
            todo.extend((getattr(value, name), made, name) for name in made)
        elif isinstance(value, dict):
            made = dict.fromkeys(value)
            todo.extend((one, made, key) for key, one in value.items())
        elif isinstance(value, list | tuple):
            made = [None] * len(value)
            todo.extend((one, made, at) for at, one in enumerate(value))
        else:
            made = value
        into[place] = made
    data: dict[str, Any] = root["whole"]
    return data


def _written(value: Any) -> list[str]:
    names, omitted = _fields(value.__class__)
    return [name for name in names if getattr(value, name) != omitted[name]] if omitted else names


@cache
def _fields(kind: type) -> tuple[list[str], dict[str, Any]]:
    """Return the fields of a dataclass, and the values with which they are left out if it has such fields."""
    every = fields(kind)
    omitted = {one.name: one.metadata.get(OMITTED, ...) for one in every if one.metadata}
    names = [one.name for one in every]
    return names, ({name: omitted.get(name, ...) for name in names} if omitted else {})


def strict_json(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError if the text is not JSON. NaN and Infinity are not JSON."""
    return json.loads(text, parse_constant=_no_number, parse_float=_number)


def _no_number(text: str) -> float:
    raise ValueError(f"the plan contains {text}, which JSON does not have")


def _number(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def must_be_kept(data: Any, made: Any) -> None:
    """Raise ValueError if an object that was made from data has a value of another kind than the data.

    ``true`` is not a number, and neither ``"3"`` nor ``3.0`` is a whole number.
    """
    todo: list[tuple[Any, Any, str]] = [(data, made, "plan")]
    while todo:
        given, taken, place = todo.pop()
        if isinstance(given, dict) and isinstance(taken, dict):
            todo.extend((one, taken[key], f"{place}.{key}") for key, one in given.items() if key in taken)
        elif isinstance(given, list) and isinstance(taken, list):
            todo.extend((one, taken[at], f"{place}[{at}]") for at, one in enumerate(given))
        elif given != taken or (type(given) is not type(taken) and (type(given), type(taken)) != (int, float)):
            raise ValueError(f"the plan has a value of the wrong kind at `{place}`")


def misplaced(whole: Any) -> str | None:
    """Return the place of the first value in a dataclass that does not have the type of its field. None without one."""
    todo: list[tuple[Any, Any, str]] = [(whole, type(whole), "plan")]
    while todo:
        value, hint, place = todo.pop()
        choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        hint = next((one for one in choices if _is_of(value, one)), None)
        if hint is None:
            return place
        if is_dataclass(hint):
            todo.extend((getattr(value, name), one, f"{place}.{name}") for name, one in _hints(value.__class__).items())
        elif get_origin(hint) is tuple:
            todo.extend((one, get_args(hint)[0], f"{place}[{at}]") for at, one in enumerate(value))
        elif get_origin(hint) is dict:
            todo.extend((one, str, f"{place}.{one!r:.40}") for one in value)
            todo.extend((one, get_args(hint)[1], f"{place}.{key!r:.40}") for key, one in value.items())
    return None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_of(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    # True is no number here, but a whole number may stand for any number.
    return type(value) in ((int, float) if hint is float else (get_origin(hint) or hint,))
