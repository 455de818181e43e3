"""Diagnostics for a `check` in the wrong place, and for the limits of a list that are written wrongly."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from .place import Place

CHECK_FORM = 'write the check directly behind the answer of an ask: `ask "…" -> T check CONDITION with …`'
CALLS = (
    "`check(` at the beginning of a line calls a flow of this name",
    "write a blank for the condition of an ask: `check (…)`",
)
LATE = (
    "`check` must come before the other clauses of an ask",
    "the clauses of an ask have a fixed order: `check`, `with`, `after`, then `when … else`",
)
NO_ASK = ("only an `ask` has a check", f"{CHECK_FORM}; for a condition on other values write `when`")
"""The message and the help for each mistake. The reader of lines uses them too."""
_CLAUSES = frozenset({"WITH", "AFTER", "WHEN"})
_FARTHEST = 40
"""The most tokens to look through for the ask of a clause."""
_OPERATORS = frozenset({"and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "??"})
_BEGINS = frozenset({"NAME", "NOT", "MINUS", "NUMBER", "STRING", "LPAR"})
"""Types of tokens that begin a condition."""


def misplaced_check(place: Place) -> Diagnostic | None:
    """Report a `check` that the parser has read as a name, because no check may stand there."""
    for ahead in place.line_before():
        if ahead >= 0 or place.word(ahead) != "check" or place.at(ahead) != "NAME":
            continue
        if place.at(ahead + 1) not in _BEGINS or not place.joined(ahead) or place.at(ahead - 1) in ("DOT", "COMMA"):
            continue
        if place.at(ahead + 1) == "LPAR" and place.span(ahead).end == place.span(ahead + 1).start:
            if place.begins_line(ahead) and place.text in _OPERATORS:
                return place.error(*CALLS, ahead)
            continue
        if _behind_clauses(place, ahead):
            return place.error(*LATE, ahead)
        return place.error(*NO_ASK, ahead)
    return None


def _behind_clauses(place: Place, ahead: int) -> bool:
    """Tell whether other clauses of an ask come before this place."""
    late = False
    for before in range(ahead - 1, ahead - _FARTHEST, -1):
        if place.at(before) in ("ASK", "LBRACE", "RBRACE", ""):
            return late and place.at(before) == "ASK"
        late = late or place.at(before) in _CLAUSES
    return False


def comma_in_check(place: Place) -> Diagnostic | None:
    """Report a text for the model that does not follow `else`."""
    if place.type != "COMMA" or place.at(1) != "STRING":
        return None
    if any(place.at(ahead) == "CHECK" for ahead in place.line_before()):
        return place.error("the words for the model must follow `else`", 'write `check CONDITION else "…"`')
    return None


def late_type(place: Place) -> Diagnostic | None:
    """Report the type of an answer that stands behind its check."""
    if place.text == "->" and any(place.at(ahead) == "CHECK" for ahead in place.line_before()):
        return place.error("the type of the answer stands before its check", CHECK_FORM)
    return None


def limits_of_list(place: Place) -> Diagnostic | None:
    """Report limits of a list that are no two numbers."""
    if place.type == "RPAR" and [place.at(ahead) for ahead in (-3, -2, -1)] == ["RSQB", "LPAR", "NUMBER"]:
        number = place.word(-1)
        help = f"write `(0..{number})` for at most {number} elements, `({number}..)` for {number} or more"
        return place.error("the limits of a list are a least and a greatest length", help, -1)
    if place.text == ".." and [place.at(ahead) for ahead in (-2, -1)] == ["RSQB", "LPAR"]:
        greatest = place.word(1) if place.at(1) == "NUMBER" else "5"
        return place.error("the limits of a list begin with the least length", f"write `(0..{greatest})`")
    return None


CHECK_MISTAKES = (misplaced_check, comma_in_check, late_type, limits_of_list)
