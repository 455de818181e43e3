"""The lines of a TOML file in which settings stand, for messages about them. Python's reader tells no places."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import pattern

_HEAD = pattern(r"\s*\[{1,2}\s*([^\]]*?)\s*\]{1,2}\s*(#.*)?$")
_QUOTES = "\"'"


def line_of(text: str, keys: Sequence[str], word: str = "", nth: int = 0) -> int:
    """Return the number of the line where the setting ``keys`` begins, or where ``word`` stands in it.

    ``nth`` counts the tables of an array of tables from 0. If this reader does not know the form of a setting, such as
    a key in several lines, it returns the line of the nearest table above.
    """
    lines = text.split("\n")
    deepest, at = 0, 0
    table: list[str] = []
    counted, mine = -1, True
    for number, line in enumerate(lines):
        if head := _HEAD.match(line):
            table = whole = _parts(head[1])
            if line.lstrip().startswith("[["):
                counted += table == list(keys[: len(table)])
            mine = counted in (-1, nth)
        else:
            whole = [*table, *_parts(line.partition("=")[0])] if "=" in line else []
        if mine and len(whole) > deepest and whole == list(keys[: len(whole)]):
            deepest, at = len(whole), number
    if word:
        written = [f"{quote}{word}{quote}" for quote in _QUOTES]
        at = next((number for number in range(at, len(lines)) if any(one in lines[number] for one in written)), at)
    return at + 1


def _parts(written: str) -> list[str]:
    """Take a dotted key apart. A point in quotes is no point of it."""
    found, part, quote = [], "", ""
    for letter in written.strip():
        if letter == quote:
            quote = ""
        elif not quote and letter in _QUOTES:
            quote = letter
        elif letter == "." and not quote:
            found.append(part.strip())
            part = ""
        else:
            part += letter
    return [*found, part.strip()]
