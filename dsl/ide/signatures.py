"""The form of the call around a place of a text."""

from __future__ import annotations

from .values import Signature
from .view import View


def signature(view: View, at: int) -> Signature | None:
    """Return the form of the innermost call around an offset. None if there is none."""
    return None
