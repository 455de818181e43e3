"""Diagnostics for labels in places where the grammar takes none."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from .build_values import LABEL_HELP, LABEL_WORDS, labelled_step
from .place import NODES, VALUE, Place

_BEFORE_VALUE = frozenset({"EQUAL", "IN", "COLON", "LPAR", "LSQB", "COMMA", "RETURN", "WHEN", "ELSE", "FALLBACK"})


def misplaced_label(place: Place) -> Diagnostic | None:
    """Report the word of a label that cannot stand here, or that stands before a step, a text or another label."""
    if (
        place.text in LABEL_WORDS
        and place.joined(0)
        and not place.begins_line()
        and place.at(1) not in ("EQUAL", "COLON")
    ):
        return _report(place, "a label means nothing here", 0)
    if place.word(-1) not in LABEL_WORDS or not place.joined(-1) or place.type not in NODES | VALUE:
        return None
    if place.at(-2) in ("TRUSTED", "UNTRUSTED"):
        return _report(place, "a value has one label", -1)
    if place.at(-2) == "EQUAL" and place.type in NODES:
        return labelled_step(place.span(-1))
    return _report(place, "a label means nothing here", -1) if place.at(-2) in _BEFORE_VALUE else None


def _report(place: Place, message: str, ahead: int) -> Diagnostic:
    return Diagnostic("F0501", message, place.span(ahead), help=LABEL_HELP)
