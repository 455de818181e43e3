"""Texts with a name: their own templates, and the templates that write them.

The text takes the place of its name when a flow is planned. So a prompt is the same as with the text written in place.
"""

from __future__ import annotations

from collections.abc import Callable

from ..patterns import pattern
from .plain import read_plain
from .read import Template, template_pieces

Constant = Callable[[str, str], str | None]
"""A function that returns the text of a name, or of a name and a field. None if it is no text of the file."""

_FIELD = pattern(r"[ \t\n]*+\.[ \t\n]*+([A-Za-z_][A-Za-z0-9_]*+)")
_ENDS = pattern(r"[ \t\n]*+\}\}")
_LITERAL = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def field_behind(template: str, end: int) -> tuple[str, int]:
    """Return the field that stands behind a name, and the offset behind it. "" if there is none."""
    found = _FIELD.match(template, end)
    return (found[1], found.end()) if found else ("", end)


def inlined(template: Template, constant: Constant) -> str:
    """Return a template with the texts in the place of their names."""
    value = template.string.value
    known = []
    for mention in template.mentions:
        field, end = field_behind(value, mention.end)
        text = constant(mention.name, "")
        if text is not None:
            known.append((mention.start, mention.end, text))
        elif (text := constant(mention.name, field) if field else None) is not None:
            known.append((mention.start, end, text))
    if not known:
        return value
    if template.plain and (plain := _in_place(value, known)) is not None:
        names = [one.name for one in template.mentions if one.start not in {start for start, _, _ in known}]
        read = read_plain(plain)
        if read is not None and [one.name for one in read[1]] == names:
            return plain
    for start, end, text in reversed(known):
        value = f"{value[:start]}'{text.translate(_LITERAL)}'{value[end:]}"
    return value


def _in_place(value: str, known: list[tuple[int, int, str]]) -> str | None:
    """Put texts in the place of their names and braces. None if a name does not stand alone in its braces."""
    for start, end, text in reversed(known):
        opened, closed = value.rfind("{{", 0, start), _ENDS.match(value, end)
        if closed is None:
            return None
        value = value[:opened] + text + value[closed.end() :]
    return value


def joined(template: str, texts: Callable[[str], str]) -> str:
    """Return the text of a template that writes only other texts."""
    pieces = template_pieces(template) or ()
    return "".join(piece if isinstance(piece, str) else texts(piece[0]) for piece in pieces)
