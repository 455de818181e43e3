"""The neighbours of a token."""

from __future__ import annotations

from collections.abc import Sequence

from .tables import END
from .token import Token


def then(tokens: Sequence[Token], place: int) -> tuple[str, str]:
    """Return the types of the two tokens behind a place."""
    first, second = place + 1, place + 2
    return (
        tokens[first].type if first < len(tokens) else END,
        tokens[second].type if second < len(tokens) else END,
    )


def begins_line(text: str, tokens: Sequence[Token], place: int) -> bool:
    """Tell whether a token is the first of its line, behind nothing but blanks and comments."""
    if not 0 < place < len(tokens):
        return True
    return tokens[place].type == END or "\n" in text[tokens[place - 1].end_pos or 0 : tokens[place].start_pos or 0]
