"""The places of a text as an editor counts them: lines from 0, and columns in units of UTF-8, UTF-16 or UTF-32.

The units are those of the specification of the protocol, 3.17, section "Position"
(microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from flowrun.dsl import Source

BOM = "\ufeff"
_WIDE = {"utf-16": re.compile("[\U00010000-\U0010ffff]"), "utf-8": re.compile("[^\0-\x7f]")}
"""The characters that take more than one unit. UTF-32 has none."""


class Place(NamedTuple):
    """A place as an editor counts it."""

    line: int
    column: int


class Places:
    """The places of one text. Offsets count the characters of ``source.text``.

    ``head`` has the byte-order marks that stand before it in the editor's text. They belong to its first line.
    """

    def __init__(self, source: Source, encoding: str = "utf-16", head: str = "") -> None:
        self.source = source
        self.encoding = encoding
        self.lines = source.text.count("\n") + 1
        self._head = units(head, encoding)
        self._extras: dict[int, list[int]] = {}

    def place(self, offset: int) -> Place:
        """Return the place of an offset. One outside of the text becomes the nearest place."""
        offset = min(max(offset, 0), len(self.source.text))
        line, column = self.source.position(offset)
        column -= 1
        return Place(line - 1, column + bisect_left(self._wide(line), column) + (self._head if line == 1 else 0))

    def offset(self, place: Place) -> int:
        """Return the offset of a place. One outside of the text becomes the nearest offset.

        A place inside of a character becomes the start of the character.
        """
        if place.line < 0:
            return 0
        line = place.line + 1
        if line > self.lines:
            return len(self.source.text)
        wanted = place.column - (self._head if line == 1 else 0)
        text = self.source.line(line)
        extras = self._wide(line)
        low, high = 0, len(text)
        if not extras:
            low = min(max(wanted, 0), high)
        else:
            # The last column whose units are not more than the wanted ones.
            while low < high:
                middle = (low + high + 1) // 2
                if middle + bisect_left(extras, middle) <= wanted:
                    low = middle
                else:
                    high = middle - 1
        return self.source.offset(line, low + 1)

    def _wide(self, line: int) -> list[int]:
        """Return the columns of a line's wide characters, each once for each unit beyond its first."""
        found = self._extras.get(line)
        if found is None:
            found = self._extras[line] = extras_of(self.source.line(line), self.encoding)
        return found


def extras_of(text: str, encoding: str) -> list[int]:
    """Return the offsets of the characters of a text that take several units, each once for each unit beyond one."""
    wide = _WIDE.get(encoding)
    if wide is None or text.isascii():
        return []
    if encoding == "utf-16":
        return [one.start() for one in wide.finditer(text)]
    return [one.start() for one in wide.finditer(text) for _ in range(_bytes(one[0]) - 1)]


def units(text: str, encoding: str) -> int:
    """Return the units that a text takes."""
    return len(text) + len(extras_of(text, encoding))


def _bytes(character: str) -> int:
    """Return the bytes of a character in UTF-8. Half of a surrogate pair counts as three."""
    return 2 if character < "\u0800" else 3 if character < "\U00010000" else 4
