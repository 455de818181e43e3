"""The parts of a text: to find them, to replace them, and to cut a text into them."""

from __future__ import annotations

from .. import types as t
from ..arithmetic import MOST_ITEMS, NoValueError
from ..plain_data import Json
from .function import Arg, Args, Types, ValueFunction, no_value, of_text, text

_PART = (Arg("part", t.TEXT, required=True),)


def _texts(given: t.Type, args: Types) -> t.Type | None:
    return t.ListOf(t.TEXT) if of_text(given, args) is not None else None


def _tested(given: t.Type, args: Types) -> t.Type | None:
    return t.BOOL if of_text(given, args) is not None else None


def _holds(given: t.Type, args: Types) -> t.Type | None:
    part = args.get("part", t.UNKNOWN)
    if isinstance(given, t.ListOf):
        return t.BOOL if t.UNKNOWN in (given.item, part) or t.comparable(given.item, part) else None
    return t.BOOL if given == t.JSON or (t.is_text(given) and (t.is_text(part) or part == t.JSON)) else None


def _contains(value: Json, args: Args) -> Json:
    if isinstance(value, str):
        return text("contains", args["part"], "a text in a text") in value
    if not isinstance(value, list | tuple):
        raise no_value("contains", "a text or a list", value)
    return args["part"] in value


def _replaced(value: Json, args: Args) -> Json:
    whole, old, new = text("replace", value), text("replace", args["old"]), text("replace", args["new"])
    if not old:
        raise NoValueError("`replace` takes a text to look for, and this one is empty")
    return whole.replace(old, new)


def _grown(value: Json, args: Args) -> int:
    whole, old, new = (one if isinstance(one, str) else "" for one in (value, args["old"], args["new"]))
    return len(whole) + (whole.count(old) * max(0, len(new) - len(old)) if old else 0)


def _lines(value: Json, args: Args) -> Json:
    whole = text("lines", value)
    return _few("lines", whole.splitlines() if whole.count("\n") + whole.count("\r") <= MOST_ITEMS else None)


def _words(value: Json, args: Args) -> Json:
    return _few("words", text("words", value).split(None, MOST_ITEMS))


def _few(name: str, parts: list[str] | None) -> list[str]:
    if parts is None or len(parts) > MOST_ITEMS:
        raise NoValueError(f"the result of `{name}` is too long: it has more than {MOST_ITEMS:,} items")
    return parts


FUNCTIONS = (
    ValueFunction(
        "contains",
        "of",
        "a text and a part of it, or a list and an element",
        _holds,
        "true if a text holds a text, or a list an element",
        ('contains("The end", "end")', "true"),
        _contains,
        (Arg("part", t.JSON, required=True),),
        "truth",
        "bit",
    ),
    ValueFunction(
        "starts_with",
        "text",
        "a text",
        _tested,
        "true if a text begins with a text",
        ('starts_with("Re: hi", "Re:")', "true"),
        lambda value, args: text("starts_with", value).startswith(text("starts_with", args["part"])),
        _PART,
        "truth",
        "bit",
    ),
    ValueFunction(
        "ends_with",
        "text",
        "a text",
        _tested,
        "true if a text ends with a text",
        ('ends_with("a.md", ".md")', "true"),
        lambda value, args: text("ends_with", value).endswith(text("ends_with", args["part"])),
        _PART,
        "truth",
        "bit",
    ),
    ValueFunction(
        "replace",
        "text",
        "a text",
        of_text,
        "the text with each place of one text replaced by another",
        ('replace("a-b-c", "-", "+")', '"a+b+c"'),
        _replaced,
        (Arg("old", t.TEXT, required=True), Arg("new", t.TEXT, required=True)),
        "replaced",
        grown=_grown,
    ),
    ValueFunction(
        "lines",
        "text",
        "a text",
        _texts,
        "the lines of a text, without the line ends; in expressions `lines(path)` reads a file",
        (r'lines_of("a\nb")', '["a", "b"]'),
        _lines,
        size="pieces",
        function="lines_of",
    ),
    ValueFunction(
        "words",
        "text",
        "a text",
        _texts,
        "the words of a text: what stands between spaces",
        ('words(" to be ")', '["to", "be"]'),
        _words,
        size="pieces",
    ),
)
