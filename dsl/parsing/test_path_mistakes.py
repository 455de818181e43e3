"""Diagnostics for the paths in tests, among them spellings that `show` accepts and a test does not."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from .place import Place

_BY_VALUE = "count from 0, `STEP[0]`; to choose by a value, write `reply STEP when CONDITION: ANSWER`"
_NUMBERS = "count the elements and samples from 0, as in `asked STEP[0]`"
_ONE_VALUE = "to look at one element, expect `STEP contains VALUE`, or compare the whole list"


def path_mistake(place: Place, first: int) -> Diagnostic | None:
    """Report a token that a path does not allow. ``first`` is the first token of the line."""
    word = place.word(first)
    if word == "expect" and all(place.word(ahead) != "asked" for ahead in (first + 1, first + 2)):
        return value_mistake(place)
    if word not in ("reply", "expect"):
        return None
    if place.at(-1) == "LSQB":
        said = "the number of an element or a sample is a whole number"
        return place.error(said, _BY_VALUE if word == "reply" else _NUMBERS)
    if place.type == "MINUS" and _path_until_here(place, first):
        return place.error("a path has no labels of elements", _BY_VALUE if word == "reply" else _NUMBERS)
    if place.type == "NUMBER" and place.word(-1) == "line" and place.at(-2) == "DOT":
        said = "an unnamed step is called by its word and its number in the body, not by its line"
        return place.error(said, "write `ask` for the first unnamed `ask`, `ask2` for the second")
    return None


def after_comment(place: Place, last: int) -> str:
    """Return the help for a path that a `#` ends, "" if none does. ``last`` is its last token."""
    end = place.tokens[place.index + last].end_pos or 0
    rest = place.source.text[end : end + 8]
    if rest[:1] != "#" or not rest[1:2].isdecimal():
        return ""
    return "write the answers of repeated calls on one line, in their order: `reply STEP: ANSWER, ANSWER`"


def _path_until_here(place: Place, first: int) -> bool:
    tokens = [place.at(ahead) for ahead in range(first + 1, 0)]
    return "DOT" in tokens and set(tokens) <= {"NAME", "DOT", "LSQB", "RSQB", "NUMBER", "ASKED", "NOT"}


def value_mistake(place: Place) -> Diagnostic | None:
    """Report a number behind a value."""
    bracket = place.type == "LSQB" and place.at(-1) == "NAME" and place.at(1) in ("NUMBER", "STRING", "NAME", "MINUS")
    if not bracket and not (place.type == "NUMBER" and place.at(-1) == "DOT"):
        return None
    ahead = 0
    while place.joined(ahead):
        ahead += 1
        if place.at(ahead) in ("FAILED", "SKIPPED"):
            end = place.word(ahead)
            ended = end if end == "failed" else f"was {end}"
            help = f"write `expect STEP {end}`: it holds if the step {ended} at some place"
            return place.error("an expectation of an end names a step without numbers", help)
    return place.error("a value has no numbers in brackets" if bracket else "a value has no numbers", _ONE_VALUE)
