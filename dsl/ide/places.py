"""The places of a name: its declaration and its mentions, in all files."""

from __future__ import annotations

from collections.abc import Iterable

from ..source import Span
from .view import View


def definition(view: View, at: int) -> tuple[Span, ...]:
    """Return the place where the name at an offset is declared. Nothing if there is no name."""
    return ()


def references(view: View, at: int, others: Iterable[View] = (), *, declared: bool = True) -> tuple[Span, ...]:
    """Return all places of the name at an offset. ``declared`` includes its declaration."""
    return ()
