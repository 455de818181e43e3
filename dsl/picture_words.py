"""The words of the diagnostics about images that stand where no image can stand."""

from __future__ import annotations

from collections.abc import Mapping

from . import types as t
from .catalog import ReducerSpec, Refusal
from .diagnostics import Diagnostic
from .source import Span

SHOW = "show the image in a user part: `{{ picture }}`"
_PARTS = {
    "system": "a system part has no images",
    "assistant": "the words of an assistant have no images",
    "human": "a person reads one text, and an image is none",
    "text": "an image cannot be written into a text",
}


def code_of(*types: t.Type) -> str:
    """Return the code for a value of the wrong type: that of images if one of the types has an image."""
    return "F0647" if any(map(t.holds_image, types)) else "F0301"


def never_equal(first: t.Type, second: t.Type) -> str:
    """Say that two values are never equal, or that images are not compared."""
    if code_of(first, second) == "F0647":
        return "images are not compared"
    return f"{t.show(first)} and {t.show(second)} are never equal"


def never_in(item: t.Type, given: t.Type) -> str:
    """Say that a list never has a value, or that images are not compared."""
    return "images are not compared" if t.holds_image(item) else f"{t.show(item)} is never in {t.show(given)}"


def misplaced(given: t.Type, part: str) -> tuple[str, str, str] | None:
    """Return the code, the message and the help for an image in a part of a prompt. None if it can stand there.

    ``part`` is ``user``, ``system``, ``assistant``, ``human``, or ``text`` for a text that is no part of a prompt.
    """
    if not t.holds_image(given):
        return None
    if part != "user":
        way = "show the image in a step that asks a model" if part == "human" else SHOW
        return ("F0647" if part == "text" else "F0648"), _PARTS[part], way
    if t.is_images(given):
        return None
    if isinstance(given, t.ListOf):
        way = "write a `for`, `{% for x in xs %}`, and the fields of `x` in it"
    else:
        way = "write its fields one by one: an image by itself, and the texts around it"
    return "F0647", f"{t.show(given)} has an image inside, and cannot be written as a whole", way


def no_answer(type_: t.Type, span: Span) -> Diagnostic | None:
    """Report an answer of a model that would have an image."""
    if not t.holds_image(type_):
        return None
    said = "an answer cannot be an image" if type_ == t.IMAGE else "an answer cannot contain an image"
    note = "a model answers with words, and flowrun takes no pictures from it"
    return Diagnostic("F0646", said, span, note=note, help="let the model write a text about it, `text`, or a choice")


def no_result(type_: t.Type, span: Span) -> Diagnostic | None:
    """Report the result of an extern that would have an image."""
    if not t.holds_image(type_):
        return None
    return Diagnostic(
        "F0646",
        "an extern cannot return an image",
        span,
        note="an image comes from a file that the user names, or from the pages of a document",
        help="give the flow the image as a parameter",
    )


def no_row(type_: t.Type, span: Span) -> Diagnostic | None:
    """Report the rows of a file that the flow reads itself, if they would have an image."""
    if not t.holds_image(type_):
        return None
    return Diagnostic(
        "F0646",
        "a row that the flow reads itself cannot have an image",
        span,
        help="take the rows as a parameter, `rows: [Row]`: each row then names the path of its image",
    )


def refused_images(spec: ReducerSpec, item: t.Type, args: Mapping[str, object]) -> Refusal | None:
    """Refuse a vote over images, which are not compared. A vote by a field that is no image is fine."""
    if not spec.votes:
        return None
    by, inner = args.get("by"), t.unwrapped(item)
    field = inner.field(by) if isinstance(by, str) and isinstance(inner, t.Record | t.Union) else None
    if not t.holds_image(inner if field is None else field.type):
        return None
    named = isinstance(inner, t.Record | t.Union)
    way = "vote on a field that is no image: `(by: FIELD)`" if named else "vote on an answer about the image"
    return Refusal("a vote counts equal answers, and images are not compared", way, code="F0647")
