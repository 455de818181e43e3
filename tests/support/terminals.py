"""A terminal of a given size for a command, and its screen as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from .patience import PATIENCE


class Terminal:
    """A terminal with a command in it. ``raw`` is all that the command wrote to the terminal.

    Standard input and output are not the terminal, unless ``whole`` is True.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        rows: int,
        environ: Mapping[str, str],
        folder: Path,
        *,
        whole: bool = False,
    ) -> None:
        self.raw = b""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._main, side = pty.openpty()
        self._size(columns, rows)
        stdout = side if whole else subprocess.PIPE
        stdin = side if whole else subprocess.DEVNULL
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8", **environ}
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=side, env=env, cwd=folder, start_new_session=True
        )
        os.close(side)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._main)

    @property
    def lines(self) -> list[str]:
        """The lines of the screen that are not empty."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        self._size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def until(self, seen: Callable[[str], bool]) -> str:
        """Read until the screen is as wanted, and return it."""
        ends = time.monotonic() + PATIENCE
        while not seen(self.text):
            assert time.monotonic() < ends, f"the screen showed something else:\n{self.text}"
            assert self._read(0.1), f"the command ended, and left this on the screen:\n{self.text}"
        return self.text

    def type(self, text: str) -> None:
        """Type a text, as a person at the keyboard does."""
        os.write(self._main, text.encode())

    def end(self) -> int:
        """Read until the command has ended. Return its exit code."""
        ends = time.monotonic() + PATIENCE
        while self._read(0.1):
            assert time.monotonic() < ends, self.text
        return self.process.wait(PATIENCE)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Read what has come. Return False if the command has ended and all is read."""
        if not select.select([self._main], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._main, 65536)
        except OSError:  # Linux: the other side is closed
            data = b""
        self.raw += data
        self._stream.feed(data)
        return bool(data)
