"""The lower lines of a terminal, which a display redraws, the lines above them, and the width."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_TO_LINE_END, _TO_SCREEN_END = "\x1b[K", "\x1b[J"
_PLAIN = str.maketrans({"█": "#", "░": "-", "·": "-", "≈": "~", "…": "."})


def is_dumb() -> bool:
    """Tell whether the terminal can only print, and has no cursor that moves (TERM)."""
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


def terminal_width() -> int | None:
    """Return the columns of the terminal behind standard output, None if there is none. COLUMNS counts first."""
    if not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


class Screen:
    """The lower lines of the terminal behind a stream.

    Between two drawings the cursor rests at the beginning of the first of these lines. So a terminal that is made
    narrower or wider moves the cursor with that line, and the next drawing begins there.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._dumb = is_dumb()
        self._drawn: Sequence[str] = ()
        self._size = (0, 0)
        self._painted = not self._dumb and not os.environ.get("NO_COLOR")
        self._plain = not _has(stream, "█░·≈…")

    @property
    def size(self) -> tuple[int, int]:
        """The columns and lines that a drawing may take. A dumb terminal has one line."""
        try:
            columns, rows = os.get_terminal_size(self._stream.fileno())
        except OSError:
            columns, rows = 0, 0
        columns, rows = columns or 80, rows or 24
        # A text in the last column makes some terminals begin a line.
        return max(1, columns - 1), 1 if self._dumb else max(1, rows - 1)

    def draw(self, lines: Sequence[str], above: Sequence[str] = ()) -> None:
        """Draw the lower lines in place of those before, and print the lines ``above`` them for good."""
        size = self.size
        if not above and lines == self._drawn and size == self._size:
            return
        self._size = size
        if self._plain:
            lines = [line.translate(_PLAIN) for line in lines]
        write = self._on_one_line if self._dumb else self._on_several
        self._stream.write(write(lines, above))
        self._stream.flush()
        self._drawn = lines

    def _on_one_line(self, lines: Sequence[str], above: Sequence[str]) -> str:
        before = len(self._drawn[0]) if self._drawn else 0
        text = ""
        if above or not lines:
            text, before = f"\r{' ' * before}\r" + "".join(f"{one}\r\n" for one in above), 0
        return text + (f"\r{lines[0].ljust(before)}" if lines else "")

    def _on_several(self, lines: Sequence[str], above: Sequence[str]) -> str:
        text = [_HIDE if not self._drawn and lines else "", "\r"]
        if above or not lines:
            text.append(_TO_SCREEN_END)
            text += [f"{one}\r\n" for one in above]
        text.append(f"{_TO_LINE_END}\r\n".join(self._paint(line) for line in lines))
        text.append(f"{_TO_LINE_END}{_TO_SCREEN_END}" if lines else "")
        text.append(f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else "")
        text.append("\r" if lines else _SHOW)
        return "".join(text)

    def _paint(self, line: str) -> str:
        if not self._painted:
            return line
        start, end = line.find("█"), line.rfind("█") + 1
        return f"{line[:start]}\x1b[32m{line[start:end]}\x1b[39m{line[end:]}" if end else line


def leave(stream: TextIO) -> None:
    """Take the lower lines away before the process ends at once."""
    stream = stream.stream if isinstance(stream, Above) else stream
    stream.write("\r\n" if is_dumb() else f"\r{_TO_SCREEN_END}{_SHOW}")
    stream.flush()


class Above:
    """A stream in place of the standard error, whose lines go above the lower lines of the terminal."""

    def __init__(self, stream: TextIO, say: Callable[[str], None]) -> None:
        self.stream = stream
        self._say = say
        self._rest = ""

    def write(self, text: str) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._say(line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line is shown when it is whole."""

    def close_line(self) -> None:
        """Show what was written after the last line end."""
        if self._rest:
            self.write("\n")

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def _has(stream: TextIO, letters: str) -> bool:
    try:
        letters.encode(stream.encoding or "ascii")
    except UnicodeError:
        return False
    return True
