"""The changes that an editor offers: fixes, guesses, all safe fixes, and comments that silence a warning."""

from __future__ import annotations

from .values import Action
from .view import View


def actions(view: View, start: int, end: int) -> tuple[Action, ...]:
    """Return what can be done about the problems in a part of the text."""
    return ()


def fix_all(view: View) -> Action | None:
    """Return the action that makes all safe fixes, as `validate --fix` does. None if there are none."""
    return None
