"""The parts of a text that an editor can fold or select."""

from __future__ import annotations

from ..source import Span
from .values import Fold
from .view import View


def folds(view: View) -> tuple[Fold, ...]:
    """Return the parts of several lines: blocks, texts, comments and imports."""
    return ()


def ranges(view: View, at: int) -> tuple[Span, ...]:
    """Return the parts around an offset, from the smallest to the whole file. Each lies in the next."""
    return ()
