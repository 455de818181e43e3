"""The progress of a detached run as a command shows it: lines that change on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from ..detached.control import Link
from ..vocabulary.quoting import inert
from .progress import EVERY, REDRAW
from .screen import Screen


class Follower:
    """A follower that prints the lines of the run's log, and its progress every few seconds."""

    every = 0.1
    """The seconds between two looks at the run."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def show(self, log: Sequence[str], link: Link) -> None:
        """Show new lines of the log, and the progress."""
        for line in log:
            print(inert(line), file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            said = link.ask(ask="line")
            if said is not None and "line" in said:
                print(inert(str(said["line"])), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the progress away."""


class Drawn(Follower):
    """A follower that redraws the progress on the terminal, and prints the log above it."""

    every = REDRAW

    def __init__(self) -> None:
        super().__init__()
        self._screen = Screen(sys.stderr)
        self._lines: list[str] = []

    def show(self, log: Sequence[str], link: Link) -> None:
        columns, rows = self._screen.size
        said = link.ask(ask="lines", columns=columns, rows=rows)
        if said is not None and isinstance(lines := said.get("lines"), list):
            self._lines = [inert(line) for line in lines if isinstance(line, str)]
        self._screen.draw(self._lines, [inert(line) for line in log])

    def close(self) -> None:
        self._screen.draw(())
