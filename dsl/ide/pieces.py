"""The pieces of a text: tokens, comments, and the words and signs inside of templates.

A text need not be a correct flow. A quote that is never closed reaches to the end of its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ..parsing.lexer import lex
from ..parsing.parse import grammar_tables
from ..parsing.readable import MOST_TOKENS
from ..parsing.tables import BAD, END
from ..parsing.tolerant import MOST_STOPS
from ..patterns import pattern
from ..records import dataclass
from ..source import Source
from ..templates.plain import MOST_PARTS

_REST = pattern(r"[^\n]*")
_OPENED = pattern(r"\{\{|\{%|\{#")
_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}
_WORD = pattern(
    r"(?P<NAME>[A-Za-z_]\w*)|(?P<NUMBER>\d+(?:\.\d+)?)|(?P<TEXT>'[^'\n]*'?|\"[^\"\n]*\"?)|(?P<SIGN>[^\s\w'\"])"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text. ``type`` is that of its token; a ``STRING`` that is never closed has ``open``.

    Pieces inside of a template follow their string. Their types are ``T-OPEN`` and ``T-CLOSE`` for the brackets,
    ``T-NAME``, ``T-NUMBER``, ``T-TEXT`` and ``T-SIGN``.
    """

    type: str
    text: str
    start: int
    end: int
    open: bool = False


def tokens_of(source: Source) -> list[Piece]:
    """Return the tokens and comments of a text in order, without the insides of templates."""
    tables = grammar_tables()
    text = source.text
    found: list[Piece] = []
    at = stops = 0
    while at < len(text) and len(found) < MOST_TOKENS and stops < MOST_STOPS:
        stops += 1
        lexed = lex(tables, text, at, MOST_TOKENS + 1 - len(found))
        both = [*lexed.tokens, *lexed.comments]
        last = max(both, key=lambda one: one.start_pos)
        found += [
            Piece(one.type, str(one), one.start_pos, one.end_pos)
            for one in sorted(both, key=lambda one: one.start_pos)
            if one.type not in (END, BAD)
        ]
        if last.type != BAD:
            break
        at = _beyond(text, last.start_pos, found)
    return found


def _beyond(text: str, start: int, found: list[Piece]) -> int:
    """Take a place where no token begins. Return the offset behind it."""
    if text.startswith('"""', start):
        found.append(Piece("STRING", text[start:], start, len(text), open=True))
        return len(text)
    if text[start] == '"':
        line = _REST.match(text, start)
        end = line.end() if line is not None else len(text)
        found.append(Piece("STRING", text[start:end], start, end, open=True))
        return end
    end = start + 1
    while end < len(text) and text[end] == text[start]:
        end += 1
    return end


def inside(piece: Piece) -> Iterator[Piece]:
    """Yield the pieces of the templates inside of a text."""
    yield from template_pieces(piece.text, piece.start)


def template_pieces(text: str, base: int = 0) -> Iterator[Piece]:
    """Yield the pieces of the templates in a text that begins at ``base``."""
    at = count = 0
    while count < MOST_PARTS and (opened := _OPENED.search(text, at)) is not None:
        start, closing = opened.end(), _CLOSE[opened[0]]
        end = text.find(closing, start)
        if opened[0] == "{#":
            at = len(text) if end < 0 else end + 2
            yield Piece("COMMENT", text[opened.start() : at], base + opened.start(), base + at)
            continue
        # A bracket that is never closed ends with its line.
        line = text.find("\n", start)
        stop = end if end >= 0 else (len(text) if line < 0 else line)
        yield Piece("T-OPEN", opened[0], base + opened.start(), base + start)
        count += 1
        for word in islice(_WORD.finditer(text, start, stop), MOST_PARTS):
            count += 1
            yield Piece(f"T-{word.lastgroup}", word[0], base + word.start(), base + word.end())
        if end >= 0:
            yield Piece("T-CLOSE", closing, base + end, base + end + 2)
        at = stop + 2 if end >= 0 else stop


def pieces(source: Source) -> list[Piece]:
    """Return the pieces of a text in the order of their beginnings."""
    found: list[Piece] = []
    for one in tokens_of(source):
        found.append(one)
        if one.type == "STRING" and "{" in one.text:
            found.extend(inside(one))
    return found


def open_brackets(source: Source) -> list[str]:
    """Return the brackets that are open at the end of a text, from the outermost."""
    opened: list[str] = []
    pairs = {"RBRACE": "{", "RPAR": "(", "RSQB": "["}
    for one in tokens_of(source):
        if one.type in ("LBRACE", "LPAR", "LSQB"):
            opened.append(one.text)
        elif one.type in pairs and opened and opened[-1] == pairs[one.type]:
            opened.pop()
    return opened
