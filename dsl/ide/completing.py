"""The proposals at a place of a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .values import Completion
from .view import View

Paths = Callable[[str], Sequence[str]]
"""A function that lists a folder, by its path from the folder of the file. Names of folders end with ``/``."""


def complete(view: View, at: int, paths: Paths | None = None) -> tuple[Completion, ...]:
    """Return what can be written at an offset."""
    return ()
