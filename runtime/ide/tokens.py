"""The semantic tokens of a text, as the numbers that the protocol wants (3.17, section "Semantic Tokens")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowrun.dsl import ide

from .kinds import MODIFIERS, TOKEN, TYPES
from .places import Places

_TYPE = {role: TYPES.index(kind.value) for role, (kind, *_) in TOKEN.items()}
_BITS = {role: sum(1 << MODIFIERS.index(one.value) for one in more) for role, (_, *more) in TOKEN.items()}
_DECLARED = 1 << MODIFIERS.index("declaration")


def numbers(pieces: Sequence[ide.TokenSpan], places: Places) -> list[int]:
    """Return five numbers for each piece: lines and columns from the piece before, length, type, modifiers.

    A piece of several lines becomes one for each line.
    """
    made: list[int] = []
    line = column = 0
    for piece in pieces:
        bits = _BITS[piece.role] | (_DECLARED if piece.declared else 0)
        for start, end in _lines(places.source.text, piece.start, piece.end):
            first, last = places.place(start), places.place(end)
            made += (
                first.line - line,
                first.column - (column if first.line == line else 0),
                last.column - first.column,
                _TYPE[piece.role],
                bits,
            )
            line, column = first
    return made


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a piece that lie on one line, without empty ones."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if start < stop:
            yield start, stop
        start = stop + 1
