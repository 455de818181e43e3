"""Diagnostics for mistakes in `repeat N over m in LIST`."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Edit, Fix
from .place import Place

_FORM = "write `repeat 3 over m in [small, large] { … }`"
_FARTHEST = 60
"""The most tokens between `over` and a number that stands behind the list."""


def panels(place: Place) -> Diagnostic | None:
    """Report a panel whose parts are missing or stand in another order."""
    if place.at(-1) == "REPEAT" and place.text == "over":
        return _without_number(place)
    if place.at(-1) == "NUMBER" and "REPEAT" in (place.at(-2), place.at(-4)) and "LBRACE" in place.expected:
        return _without_over(place)
    if place.at(-1) == "OVER" and place.at(-2) == "NUMBER":
        message = "the item of a panel has no name"
        if place.type != "LSQB":
            return place.error(message, _FORM)
        return place.error(message, _FORM, fix=_inserted(place, 0, "item in "))
    if place.at(-2) != "OVER" or "IN" not in place.expected:
        return None
    name = place.word(-1)
    if place.type == "LBRACE":
        message = f"`over {name}` has no name for the item"
        return place.error(message, f"write `over item in {name}`", -1, fix=_inserted(place, -1, "item in "))
    if place.type == "COMMA":
        return place.error("the items of a panel have no places: it takes one name", f"write `over {name} in LIST`")
    words = place.text in ("of", "from", "is", "=", ":", "=>", "->")
    fix = Fix("write `in`", (Edit(place.span(), "in"),), safe=False) if words else None
    return place.error("the list of a panel must follow `in`", f"write `over {name} in LIST {{ … }}`", fix=fix)


def _without_over(place: Place) -> Diagnostic | None:
    """Report `repeat 3 m in LIST` and `repeat 3 for m in LIST`."""
    message, form = "`over` stands before the item of a panel", "write `repeat 3 over {} in LIST {{ … }}`"
    if place.type == "NAME" and place.word(1) == "in":
        return place.error(message, form.format(place.text), fix=_inserted(place, 0, "over "))
    if place.word(2) == "in" and place.at(1) == "NAME":
        fix = Fix("write `over`", (Edit(place.span(), "over"),), safe=False)
        return place.error(message, form.format(place.word(1)), fix=fix)
    return None


def _inserted(place: Place, ahead: int, text: str) -> Fix:
    start = place.span(ahead).start
    return Fix(f"write `{text.strip()}` before it", (Edit(place.source.span(start, start), text),), safe=False)


def _without_number(place: Place) -> Diagnostic:
    """Report a panel without a number. If the number stands behind the list, the fix moves it."""
    number, first = "", 0
    for ahead in range(1, _FARTHEST):
        if place.at(ahead) in ("", "LBRACE"):
            break
        ranged = place.word(ahead + 1) == ".." and place.at(ahead + 3) == "LBRACE"
        if place.at(ahead) == "NUMBER" and (ranged or place.at(ahead + 1) == "LBRACE"):
            first = ahead
            break
    fix = None
    if first:
        last = first if place.at(first + 1) == "LBRACE" else first + 2
        span = place.source.span(place.span(first).start, place.span(last).end)
        number = span.text
        before = place.source.span(place.span(first - 1).end, span.end)
        start = place.span().start
        edits = (Edit(place.source.span(start, start), f"{number} "), Edit(before, ""))
        fix = Fix(f"write `repeat {number} over …`", edits, safe=False)
    help = f"write `repeat {number or 3} over {place.word(1)} in …`"
    return place.error("the number of samples stands before `over`", help, fix=fix)
