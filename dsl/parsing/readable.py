"""Limits on the texts that the parser reads: their size, their depth, and invisible characters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ..diagnostics import Diagnostic
from ..source import Source, Span
from .strings import INVISIBLE
from .token import Token

MOST_CHARACTERS = 1 << 20
MOST_TOKENS = 125_000
DEEPEST = 100
MOST_FINDINGS = 20
"""The most diagnostics of one kind that are reported at once. They give the reader enough to do."""

_OPENS = frozenset({"LBRACE", "LPAR", "LSQB"})
_CLOSES = frozenset({"RBRACE", "RPAR", "RSQB"})


def unreadable(source: Source) -> list[Diagnostic]:
    """Report the reason why a text is not parsed: it is too long, or has invisible characters. Empty if it is fine."""
    length = len(source.text)
    if length > MOST_CHARACTERS:
        message = f"the file has {length:,} characters, and the limit is {MOST_CHARACTERS:,}"
        return [_too_much(source, message)]
    each = {found.start(): source.position(found.start())[0] for found in islice(INVISIBLE.finditer(source.text), 1000)}
    first = {line: at for at, line in reversed(each.items())}
    return [_invisible(source, at) for at in sorted(first.values())[:MOST_FINDINGS]]


def too_many_tokens(source: Source) -> Diagnostic:
    """Report a text whose tokens and comments are too many to parse in reasonable time."""
    return _too_much(source, f"the file has more than {MOST_TOKENS:,} words, signs and comments, and this is the limit")


def _too_much(source: Source, message: str) -> Diagnostic:
    help = "move data into other files, and read those with file() or lines()"
    return Diagnostic("F0104", message, Span(source, 0, 0), help=help)


def too_deep(source: Source, tokens: Iterable[Token]) -> Diagnostic | None:
    """Report brackets that are nested too deep for later passes. None if they are not."""
    depth = 0
    for token in tokens:
        if token.type in _OPENS:
            depth += 1
            if depth > DEEPEST:
                start = token.start_pos or 0
                return Diagnostic(
                    "F0104",
                    f"brackets are nested deeper than {DEEPEST} levels",
                    Span(source, start, start + 1),
                    help="write inner parts as steps with names",
                )
        elif token.type in _CLOSES:
            depth -= 1
    return None


def _invisible(source: Source, at: int) -> Diagnostic:
    number = ord(source.text[at])
    half = 0xD800 <= number <= 0xDFFF
    return Diagnostic(
        "F0105",
        f"the text has {'half of a' if half else 'the invisible'} character U+{number:04X} here",
        Span(source, at, at + 1),
        note="" if half else "with this character a line could look different from what it means",
        help="delete it" if half else f"delete it; in a text write it as `\\u{{{number:X}}}`",
    )
