"""The case of letters, and the space around a text."""

from __future__ import annotations

from .. import types as t
from ..patterns import pattern
from .function import Arg, ValueFunction, of_text, text

_BEGINNINGS = pattern(r"([-\s({\[<]+)")


def _title(value: str) -> str:
    parts = _BEGINNINGS.split(value)
    return "".join(part[0].upper() + part[1:].lower() for part in parts if part)


FUNCTIONS = (
    ValueFunction(
        "trim",
        "text",
        "a text",
        of_text,
        "the text without spaces at its ends, or without other characters",
        ('trim("  hi ")', '"hi"'),
        lambda value, args: text("trim", value).strip(args.get("chars")),
        (Arg("chars", t.TEXT),),
    ),
    ValueFunction(
        "lower",
        "text",
        "a text",
        of_text,
        "the text in small letters",
        ('lower("Yes")', '"yes"'),
        lambda value, args: text("lower", value).lower(),
    ),
    ValueFunction(
        "upper",
        "text",
        "a text",
        of_text,
        "the text in capitals",
        ('upper("Yes")', '"YES"'),
        lambda value, args: text("upper", value).upper(),
    ),
    ValueFunction(
        "capitalize",
        "text",
        "a text",
        of_text,
        "the text with a capital at its beginning alone",
        ('capitalize("yes, SIR")', '"Yes, sir"'),
        lambda value, args: text("capitalize", value).capitalize(),
    ),
    ValueFunction(
        "title",
        "text",
        "a text",
        of_text,
        "the text with a capital at the beginning of each word",
        ('title("the last word")', '"The Last Word"'),
        lambda value, args: _title(text("title", value)),
    ),
)
