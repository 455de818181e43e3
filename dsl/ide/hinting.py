"""The notes that an editor shows inside a text, and the commands above its declarations."""

from __future__ import annotations

from .values import Hint, Lens
from .view import View


def hints(view: View) -> tuple[Hint, ...]:
    """Return the types of steps that write none, and the calls of blocks."""
    return ()


def lenses(view: View) -> tuple[Lens, ...]:
    """Return the commands of flows and tests."""
    return ()
