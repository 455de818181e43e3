"""Mistakes in the stages of a cascade: conditions in the wrong place, and a missing `else`."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Edit, Fix
from ..source import Span
from .place import NODES, Place

_FORM = "write a stage as `else NODE when CONDITION`"
_SEVERAL = ", and several steps of one stage as `chain { … }`"
_PARTS = frozenset({"ELSE", "STAGE"})


def cascade_stage(place: Place) -> Diagnostic | None:
    """Report what stands instead of `else NODE when CONDITION` in a cascade."""
    opener = place.brackets.around.get(place.index, -1)
    for end in (place.index + ahead for ahead in place.line_before()):
        if _ends_cascade(place, end):
            span = place.source.span(place.tokens[end + 1].start_pos or 0, place.tokens[end + 1].end_pos or 0)
            message = "all stages of a cascade stand in one pair of braces"
            return Diagnostic("F0101", message, span, help="write `cascade { NODE else NODE when CONDITION }`")
    if opener < 1 or str(place.tokens[opener - 1]) != "cascade":
        return None
    if place.text == "elif":
        return _condition_first(place, 0, opener)
    if place.text == "if" and place.at(-1) in _PARTS:
        return _condition_first(place, 0, opener)
    if place.word(-1) in ("when", "if") and place.at(-2) in _PARTS:
        return _condition_first(place, -1, opener)
    if place.text == "if" and "WHEN" in place.expected:
        fix = Fix("write `when`", (Edit(place.span(), "when"),), safe=False)
        return place.error("the condition of a stage begins with `when`", _FORM, fix=fix)
    begins = place.at(1) == "EQUAL" or (place.type in NODES and place.begins_line())
    if "STAGE" in place.expected and begins:
        start = place.span().start
        fix = Fix("write `else` before it", (Edit(place.source.span(start, start), "else "),), safe=False)
        return place.error("between two stages of a cascade stands `else`", _FORM + _SEVERAL, fix=fix)
    return None


def _ends_cascade(place: Place, end: int) -> bool:
    """Tell whether a token is the last brace of a cascade, and `else` follows."""
    if end < 1 or place.tokens[end].type != "RBRACE" or place.tokens[end + 1 :][:1] != ["else"]:
        return False
    opener = next((at for at, closing in place.brackets.closing.items() if closing == end), -1)
    return opener > 0 and str(place.tokens[opener - 1]) == "cascade"


def _condition_first(place: Place, ahead: int, opener: int) -> Diagnostic:
    word = place.word(ahead)
    written = word if word == "elif" else f"else {word}"
    message = f"the condition of a stage stands behind it, not behind `{written}`"
    return place.error(message, _FORM, ahead, fix=_moved(place, ahead, opener))


def _moved(place: Place, ahead: int, opener: int) -> Fix | None:
    """Return a fix that moves a condition behind its stage. None if the stage cannot be found."""
    inside = [at for at in range(place.index + ahead + 1, len(place.tokens)) if _is_in(place, at, opener)]
    node = next((at for at in inside if _begins(place, at)), None)
    if node is None or node == place.index + ahead + 1:
        return None
    end = next((at for at in inside if at > node and place.tokens[at].type in _PARTS), place.brackets.closing[opener])
    first, begin = place.span(ahead).start, place.tokens[node].start_pos or 0
    condition = _text(place, place.index + ahead + 1, node - 1)
    behind = place.tokens[end - 1].end_pos or 0
    other = "else " if place.word(ahead) == "elif" else ""
    edits = (
        Edit(Span(place.source, first, begin), other),
        Edit(Span(place.source, behind, behind), f" when {condition}"),
    )
    return Fix("write the condition behind the stage", edits, safe=False)


def _is_in(place: Place, at: int, opener: int) -> bool:
    return place.brackets.around.get(at, -1) == opener


def _begins(place: Place, at: int) -> bool:
    token = place.tokens[at]
    follows = place.tokens[at + 1].type if at + 1 < len(place.tokens) else ""
    return token.type in NODES or (token.type == "NAME" and follows == "EQUAL")


def _text(place: Place, first: int, last: int) -> str:
    return place.source.text[place.tokens[first].start_pos or 0 : place.tokens[last].end_pos or 0]
