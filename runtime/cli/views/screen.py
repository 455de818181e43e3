"""The place where a view is shown: a terminal with its size, or a pipe or file without one."""

from __future__ import annotations

import os
from typing import TextIO

from flowrun.dsl import dataclass

_LEAST = 20


@dataclass(frozen=True, slots=True)
class Screen:
    """The size of a terminal in characters, None for a pipe or a file. ``colour`` tells whether to paint."""

    width: int | None = None
    height: int | None = None
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Screen:
        if not stream.isatty():
            return cls()
        from ..console import colours

        columns, lines = _given("COLUMNS"), _given("LINES")
        if not columns or not lines:
            try:
                size = os.get_terminal_size(stream.fileno())
            except (OSError, ValueError):  # a terminal without a size
                size = os.terminal_size((80, 24))
            columns, lines = columns or size.columns or 80, lines or size.lines or 24
        return cls(max(columns, _LEAST), max(lines, 8), colours(stream))

    def paint(self, text: str, *styles: str) -> str:
        """Write a text in styles: ``bold``, ``dim``, ``red``, ``green``. On a screen without colours it stays plain."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[one] for one in styles)}m{text}\x1b[0m"


_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}


def _given(name: str) -> int:
    try:
        return max(0, int(os.environ.get(name, "")))
    except ValueError:
        return 0
