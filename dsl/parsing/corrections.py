"""Fixes for small slips between tokens, such as a wrong sign or an extra comma."""

from __future__ import annotations

import re

from ..diagnostics import Diagnostic, Edit, Fix
from ..patterns import pattern
from ..source import Source, Span
from .inner_quotes import ended
from .place import Place

_PREFIXES = frozenset({"f", "r", "b", "u", "rb", "br", "fr", "rf"})
_DOUBLED = pattern(r"\{\{.*?\}\}", re.DOTALL)
_SINGLE = pattern(r"(?<!\{)\{ *([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*) *\}(?!\})")


def written(place: Place, text: str, ahead: int = 0) -> Fix:
    """Make a fix that replaces a token with ``text``."""
    return Fix(f"write `{text}`", (Edit(place.span(ahead), text),))


def sign(place: Place, text: str) -> Fix:
    """Make a fix that replaces the sign between a name and its value. It also writes the usual blanks around it."""
    source, start, end = place.source, place.span(-1).end, place.span().end
    after = "" if source.text[end : end + 1].isspace() else " "
    before = "" if text == ":" else " "
    blank = source.text[start : place.span().start].strip(" \t") == ""
    span = Span(source, start, end) if blank else place.span()
    return Fix(f"write `{text}`", (Edit(span, f"{before if blank else ''}{text}{after}"),))


def unbracketed(place: Place) -> Fix | None:
    """Make a fix that removes the brackets around a single text. None if the brackets contain anything else."""
    if (place.at(1), place.at(2)) != ("STRING", "RPAR"):
        return None
    opener = place.span()
    between = "" if place.span(-1).end < opener.start or opener.end < place.span(1).start else " "
    return Fix("delete the brackets", (Edit(opener, between), Edit(place.span(2), "")))


def without_comma(place: Place) -> Fix | None:
    """Make a fix that removes a comma.

    None if the next token may belong to the same line. It must begin the next line of a block or end the block.
    """
    step = place.at(1) == "RETURN" or (place.at(1) == "NAME" and place.at(2) == "EQUAL")
    if not (step or place.begins_line(1) or place.at(1) == "RBRACE"):
        return None
    end = place.span().end
    joined = step and place.source.text[end : end + 1].isalnum()
    return Fix("delete the comma", (Edit(place.span(), " " if joined else ""),))


def prefix(source: Source, word: Span, string: Span) -> Diagnostic | None:
    """Report letters before a text, such as the `f` of an f-string. None if ``word`` is not such a prefix."""
    letters = word.text.lower()
    if letters not in _PREFIXES or word.end != string.start:
        return None
    help = f"delete the `{word.text}`; a text replaces `{{{{ … }}}}` by its value in any case"
    formed = "f" in letters
    body = string.text
    edits = [Edit(word, "")]
    if formed:
        for found in _SINGLE.finditer(body):
            at = source.span(string.start + found.start(), string.start + found.end())
            edits.append(Edit(at, f"{{{{ {found[1]} }}}}"))
    unsure = "\\" in body or (formed and not {"{", "}"}.isdisjoint(_SINGLE.sub("", _DOUBLED.sub("", body))))
    fix = None if unsure else Fix(f"delete the `{word.text}`", tuple(edits))
    why = "the language has no f-strings" if formed else ""
    return Diagnostic("F0101", f"`{word.text}` is not allowed before a text", word, note=why, help=help, fix=fix)


def quote_ended(source: Source, start: int) -> Diagnostic | None:
    """Report a quote that ended a text too early, because a word follows it directly.

    None if no word follows a quote here.
    """
    if source.text[start - 1 : start] != '"' or not (source.text[start].isalnum() or source.text[start] == "_"):
        return None
    return ended(source, start - 1)
