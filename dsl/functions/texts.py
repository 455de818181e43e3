"""The texts that are made of other values, and the default for a missing value."""

from __future__ import annotations

import json

from .. import types as t
from ..arithmetic import MOST_CHARACTERS, NoValueError
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, always, items, there


def written(value: Json) -> str:
    """Write a value as a prompt shows it: a text as it is, a file as its text, and all else as JSON."""
    shown = value if isinstance(value, str) else getattr(value, "shown", None)
    return shown if isinstance(shown, str) else _json(value, {})


def _json(value: Json, args: Args) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        raise NoValueError("`json` takes data, and this value is none") from None


def _data(given: t.Type, args: Types) -> t.Type | None:
    return None if t.holds_model(given) or t.holds_image(given) else t.TEXT


def _joined(given: t.Type, args: Types) -> t.Type | None:
    there = isinstance(given, t.ListOf) and not isinstance(given.item, t.Optional) and given.item != t.NONE
    there = there and not t.holds_image(given)
    return t.TEXT if there or given in (t.JSON, t.UNKNOWN) else None


def _join(value: Json, args: Args) -> Json:
    separator = args.get("separator")
    between = "\n" if separator is None else separator
    parts = [written(there("join", one, None)) for one in items("join", value)]
    if sum(map(len, parts)) + len(between) * len(parts) > MOST_CHARACTERS:
        raise NoValueError(f"the result of `join` is too long: it has more than {MOST_CHARACTERS:,} characters")
    return between.join(parts)


FUNCTIONS = (
    ValueFunction(
        "join",
        "items",
        "a list",
        _joined,
        "the elements of a list as one text, with a text between them: by default a line end in an expression, and "
        "nothing in a template",
        ('join(["a", "b"], ", ")', '"a, b"'),
        _join,
        (Arg("separator", t.TEXT),),
        "joined",
    ),
    ValueFunction(
        "json",
        "of",
        "a value",
        _data,
        "the value as JSON; a text gets quotes",
        ('json(["a", 1])', r'"[\"a\", 1]"'),
        _json,
        size="written",
    ),
    ValueFunction(
        "default",
        "of",
        "a value",
        always,
        "the value, or another one if it is missing; an empty text without `other`. In expressions this is `??`",
        ('none ?? "-"', '"-"'),
        lambda value, args: args.get("other", "") if value is None else value,
        (Arg("other", t.JSON),),
        function="",
    ),
)
