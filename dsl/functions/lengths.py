"""The length of a text or a list, and texts that are cut or indented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import types as t
from ..arithmetic import NoValueError
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, no_value, of_text, text

WIDEST_INDENT = 80
_LEEWAY = 5


def _counted(given: t.Type, args: Types) -> t.Type | None:
    measured = isinstance(given, t.ListOf | t.Record | t.Union) or t.is_text(given) or given == t.JSON
    return t.INT if measured else None


def _length(value: Json, args: Args) -> Json:
    # Rows that stay in their file are a sequence, and no list.
    if not isinstance(value, str | Sequence | Mapping):
        raise no_value("length", "a text, a list or a record", value)
    return len(value)


def _truncated(value: Json, args: Args) -> Json:
    length, end, leeway = args.get("length", 255), args.get("end", "..."), args.get("leeway", _LEEWAY)
    if length < len(end) or leeway < 0:
        raise NoValueError("`truncate` takes a `length` that is at least that of its `end`, and a `leeway` from 0")
    whole = text("truncate", value)
    if len(whole) <= length + leeway:
        return whole
    cut = whole[: length - len(end)]
    return (cut if args.get("killwords", False) else cut.rsplit(" ", 1)[0]) + end


def _indented(value: Json, args: Args) -> Json:
    pad = " " * min(args.get("width", 4), WIDEST_INDENT)
    lines = text("indent", value).split("\n")
    first = args.get("first", False)
    return "\n".join(pad + line if line and (first or number) else line for number, line in enumerate(lines))


def _grown(value: Json, args: Args) -> int:
    pad = min(args.get("width", 4), WIDEST_INDENT)
    return len(value) + pad * (value.count("\n") + 1) if isinstance(value, str) else 0


FUNCTIONS = (
    ValueFunction(
        "length",
        "of",
        "a text, a list or a record",
        _counted,
        "the number of characters of a text, items of a list, or fields of a record",
        ('length("héé")', "3"),
        _length,
        size="number",
        marks="length",
    ),
    ValueFunction(
        "truncate",
        "text",
        "a text",
        of_text,
        "the beginning of a long text, with `...` behind it; a text that is up to 5 characters too long stays whole",
        ('truncate("a very long text", 10)', '"a very..."'),
        _truncated,
        (Arg("length", t.INT, 0), Arg("killwords", t.BOOL), Arg("end", t.TEXT), Arg("leeway", t.INT, 0)),
        "shorter",
    ),
    ValueFunction(
        "indent",
        "text",
        "a text",
        of_text,
        "the text with spaces before each line except the first",
        (r'indent("a\nb", 2)', r'"a\n  b"'),
        _indented,
        (Arg("width", t.INT), Arg("first", t.BOOL)),
        "indented",
        grown=_grown,
    ),
)
