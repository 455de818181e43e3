"""Diagnostics for mistakes around `chain up to N { … } until …`."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..source import Span
from .place import Place

_FORM = "write `chain up to 4 { … } until CONDITION`"


def rounds(place: Place) -> Diagnostic | None:
    """Report rounds without a condition, or without the most rounds."""
    if place.expected == {"UNTIL"} and not place.ends:
        return place.error("rounds have no condition to stop at", "write `} until CONDITION`", -1)
    if place.at(-1) == "CHAIN" and (place.type == "NUMBER" or place.text in ("upto", "to", "at", "until")):
        return place.error("the number of rounds follows `up to`", _FORM)
    if place.text == "until" and "LBRACE" in place.expected and place.at(-1) == "NUMBER" and place.at(-2) == "TO":
        return place.error("`until` follows the braces of `chain up to N`", _FORM)
    if place.at(-1) == "REPEAT" and place.text in ("until", "while"):
        return place.error(
            f"`repeat` takes a number, and no `{place.text}`", f"for rounds that depend on each other {_FORM}"
        )
    if place.expected == {"TO"} or (place.at(-1) == "TO" and place.at(-2) == "UP"):
        return place.error("rounds need the most that there may be", _FORM)
    return None


def until_alone(span: Span) -> Diagnostic:
    return Diagnostic("F0101", "`until` follows the braces of `chain up to N`", span, help=_FORM)
