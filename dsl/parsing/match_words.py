"""The word `match`: it begins a match if a value and the branches follow it, and is a name elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from .neighbours import begins_line, then
from .token import Token

_OPENS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_JOINS = frozenset("COMPARE FALLBACK AND OR IN PLUS MINUS TIMES DIVIDE DOT".split())
_LITERALS = frozenset("STRING NUMBER DURATION PERCENT MONEY".split())
_BLOCKS = frozenset({"CHAIN", "FANOUT"})
_NO_VALUE = frozenset("RETURN AND OR WHEN WITH AFTER IN ELSE".split())
_MOST_TOKENS = 200
"""The most tokens to look through for the branches."""


def begins_match(text: str, tokens: Sequence[Token], place: int) -> bool:
    """Tell whether the word at a place begins a match. Line ends count only if no branches follow."""
    brace = _behind_value(tokens, place + 1)
    if brace >= 0:
        first, second = then(tokens, brace)
        if first == "RBRACE" or second == "EQUAL":
            return True
    if begins_line(text, tokens, place + 1):
        return False
    if brace >= 0 or tokens[place + 1].type == "NOT":
        return True
    # The branches are missing or broken. A value on the same line shows that a match was meant.
    first, second = then(tokens, place)
    return _is_word(tokens, place + 1) and first not in _NO_VALUE and second not in ("EQUAL", "STRING", "COLON", "LPAR")


def _behind_value(tokens: Sequence[Token], place: int) -> int:
    """Return the place of the brace behind the value that begins here; -1 if there is none."""
    most = min(len(tokens) - 1, place + _MOST_TOKENS)
    while place < most:
        while tokens[place].type in ("NOT", "MINUS") and place < most:
            place += 1
        if tokens[place].type in _OPENS:
            place = _closed(tokens, place, most)
        elif tokens[place].type in _LITERALS:
            place += 1
        elif _is_word(tokens, place):
            if tokens[place].type in _BLOCKS and tokens[place + 1].type == "LBRACE":
                return -1
            place += 2 if tokens[place].type == "NAME" and tokens[place + 1].type == "STRING" else 1
        else:
            return -1
        while place < most and tokens[place].type == "LPAR":
            place = _closed(tokens, place, most)
        if tokens[place].type == "LBRACE":
            return place
        if tokens[place].type not in _JOINS:
            return -1
        place += 1
    return -1


def _closed(tokens: Sequence[Token], place: int, most: int) -> int:
    """Return the place behind the brackets that open here."""
    depth = 0
    while place < most:
        depth += (tokens[place].type in _OPENS) - (tokens[place].type in _OPENS.values())
        place += 1
        if not depth:
            return place
    return most


def _is_word(tokens: Sequence[Token], place: int) -> bool:
    return place < len(tokens) and str(tokens[place]).isidentifier()
