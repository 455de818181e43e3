"""Quoted texts: the reading of their escapes and of triple-quoted indentation, and the quoting of values."""

from __future__ import annotations

import re

from ..diagnostics import Diagnostic
from ..patterns import pattern
from ..source import Source, Span
from ..syntax import UNNUMBERED, String

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_BLANKS = {" ": "\\u{20}", "\t": "\\t"}
_ESCAPE = pattern(r"\\(u\{[0-9A-Fa-f]{1,6}\}|.|\Z)", re.DOTALL)
INVISIBLE = pattern(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that no file may contain, because with them a line could look different from its meaning."""

MOST_PROBLEMS = 100
"""The most diagnostics that are kept about the texts of one file."""

_INDENT = pattern(r"[ \t]*")


def read_string(source: Source, start: int, end: int, problems: list[Diagnostic], number: int = UNNUMBERED) -> String:
    """Read the string between two offsets, which include its quotes. Report wrong escapes in ``problems``."""
    span = Span(source, start, end)
    triple = end - start >= 6 and source.text.startswith('"""', start)
    pieces = _dedented(source.text, start + 3, end - 3) if triple else [(start + 1, end - 1)]
    value: list[str] = []
    marks: list[tuple[int, int]] = []
    length = 0
    plain = source.text.find("\\", start, end) < 0
    for piece_start, piece_end in pieces:
        at = piece_start
        for found in () if plain else _ESCAPE.finditer(source.text, piece_start, piece_end):
            if found.start() > at:
                marks.append((length, at))
                value.append(source.text[at : found.start()])
                length += found.start() - at
            marks.append((length, found.start()))
            character = _unescape(found, source, problems)
            value.append(character)
            length += len(character)
            at = found.end()
        if piece_end > at:
            marks.append((length, at))
            value.append(source.text[at:piece_end])
            length += piece_end - at
    return String("".join(value), span, tuple(marks), triple, number=number)


def _unescape(found: re.Match[str], source: Source, problems: list[Diagnostic]) -> str:
    body = found[1]
    if body in _ESCAPES:
        return _ESCAPES[body]
    if body.startswith("u{"):
        number = int(body[2:-1], 16)
        if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
            return chr(number)
    if len(problems) < MOST_PROBLEMS:
        ends = body in ("", "\n")
        span = Span(source, found.start(), found.start() + 1 if ends else found.end())
        what = "`\\` at the end of a line" if ends else f"`{found[0]}`"
        help = 'write `\\n`, `\\t`, `\\"`, `\\\\` or `\\u{1F600}`; for a backslash itself write `\\\\`'
        problems.append(Diagnostic("F0107", f"{what} is not an escape", span, help=help))
    return body


def _dedented(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the pieces of a triple-quoted text that remain without its indentation.

    The line break behind the opening quotes and the blank line before the closing quotes are left out too.
    """
    lines: list[tuple[int, int]] = []
    at = start
    while True:
        stop = text.find("\n", at, end)
        if stop < 0:
            lines.append((at, end))
            break
        lines.append((at, stop))
        at = stop + 1
    # The first line begins behind the quotes, so it has no indentation.
    first_is_blank = not text[lines[0][0] : lines[0][1]].strip(" \t")
    measured = [text[a:b] for a, b in lines[1:] if text[a:b].strip(" \t")]
    indent = _common([_leading(line) for line in measured])
    pieces: list[tuple[int, int]] = []
    last = len(lines) - 1
    for number, (a, b) in enumerate(lines):
        blank = not text[a:b].strip(" \t")
        if (number == 0 and first_is_blank and last > 0) or (number == last and blank and last > 0):
            continue
        kept = a + indent if number > 0 else a
        line = (b, b) if blank and number > 0 else (kept, b)
        if not pieces:
            pieces.append(line)
        elif line[0] == a:
            # The line break joins the texts on both sides.
            pieces[-1] = (pieces[-1][0], line[1])
        else:
            pieces[-1] = (pieces[-1][0], a)
            pieces.append(line)
    return pieces


def _common(indents: list[str]) -> int:
    """Return the number of characters that all of these texts begin with."""
    if not indents:
        return 0
    low, high = min(indents), max(indents)
    return next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _leading(line: str) -> str:
    found = _INDENT.match(line)
    return found[0] if found else ""


def quoted(value: str) -> str:
    """Quote a value as a text on one line."""
    body = _escaped(value).replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{body}"'


def quoted_lines(value: str) -> list[str]:
    """Return the lines of a value for a triple-quoted text, without the quotes.

    The caller indents all of them alike.
    """
    lines = [_escaped(line).replace('"""', '""\\"') for line in value.split("\n")]
    # A blank at the end of a line is lost in many an editor, and one on an empty line in reading.
    lines = [line[:-1] + _BLANKS[line[-1]] if line.endswith((" ", "\t")) else line for line in lines]
    filled = [number for number, line in enumerate(lines) if line]
    if filled and _common([_leading(lines[number]) for number in filled]):
        first = lines[filled[0]]
        lines[filled[0]] = _BLANKS[first[0]] + first[1:]
    return lines


def _escaped(text: str) -> str:
    return INVISIBLE.sub(lambda found: f"\\u{{{ord(found[0]):X}}}", text.replace("\\", "\\\\")).replace("\r", "\\r")
