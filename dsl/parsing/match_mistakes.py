"""Mistakes in the branches of a match: words and signs of other languages."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Edit, Fix
from .foreign_syntax import BRANCH
from .place import NODES, Place

_ARROWS = frozenset({"->", "=>", ":", ">"})
_NAMES = frozenset({"NAME", "STRING"})
_MOST_TOKENS = 60
"""The most tokens to look through between `match` and its opening brace."""


def match_branch(place: Place) -> Diagnostic | None:
    """Report what stands instead of `CLASS = …` in a match."""
    opener = place.brackets.around.get(place.index, -1) - place.index
    if opener + place.index < 0 or not _opens_match(place, opener):
        return None
    if found := _case(place) or _several(place) or _number(place):
        return found
    if place.at(-1) == "NAME" and place.word(-1).upper() in NODES and place.expected == {"EQUAL"}:
        return place.error("a branch of a match begins with its class", f"write `CLASS = {place.word(-1)} …`", -1)
    for ahead in (1, 0, -1):
        sign = place.word(ahead)
        if sign in _ARROWS and place.at(ahead - 1) in ("NAME", "STRING", "ELSE", "CLASS", "EQUAL"):
            first = ahead - 1 if place.at(ahead - 1) == "EQUAL" else ahead
            if first == ahead and sign == ">":
                continue
            span = place.span(first).to(place.span(ahead))
            fix = Fix("write `=`", (Edit(span, "=" if _spaced(place, first) else " ="),), safe=False)
            return Diagnostic("F0101", f"`{span.text}` is not allowed here", span, help=BRANCH, fix=fix)
    return None


def _case(place: Place) -> Diagnostic | None:
    for ahead in (0, -1, -2):
        if place.word(ahead) in ("case", "when", "if") and (ahead == 0 or place.at(ahead + 1) in ("NAME", "STRING")):
            if not (place.begins_line(ahead) or place.at(ahead - 1) == "LBRACE") or place.at(ahead + 1) == "EQUAL":
                continue
            span = place.span(ahead)
            after = place.span(ahead + 1).start
            fix = Fix("delete the word", (Edit(span.source.span(span.start, after), ""),), safe=False)
            return Diagnostic("F0101", f"a branch of a match begins with its class, not with `{span.text}`", span,
                              help=BRANCH, fix=fix)  # fmt: skip
    return None


def _several(place: Place) -> Diagnostic | None:
    between = place.at(-1) in _NAMES and place.at(1) in _NAMES
    begins = place.begins_line(-1) or place.at(-2) in ("LBRACE", "VBAR", "COMMA")
    if place.type not in ("VBAR", "COMMA") or not between or not begins:
        return None
    help = "write a branch for each class; for all other classes write `else = …`"
    return place.error("a branch of a match is for a single class", help)


def _number(place: Place) -> Diagnostic | None:
    begins = place.begins_line(0) or place.at(-1) == "LBRACE"
    if not begins or place.at(place.at(0) == "MINUS") != "NUMBER":
        return None
    help = 'compare a number in steps with `when`; a class with digits stands in quotes, as in `"1" = …`'
    return place.error("a branch of a match is for a class, and a number is none", help)


def _spaced(place: Place, ahead: int) -> bool:
    start = place.span(ahead).start
    return place.source.text[start - 1 : start].isspace()


def _opens_match(place: Place, opener: int) -> bool:
    """Tell whether the brace at this place opens the branches of a match."""
    for ahead in range(opener - 1, opener - _MOST_TOKENS, -1):
        if place.index + ahead < 0 or place.at(ahead) in ("LBRACE", "RBRACE", "EQUAL", "RETURN"):
            return False
        if place.at(ahead) == "MATCH":
            return True
    return False
