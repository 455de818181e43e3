"""The token: a piece of text that the lexer has cut off."""

from __future__ import annotations


class Token(str):
    """The text of one terminal of the grammar, with the terminal's name and its place in the source."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int
