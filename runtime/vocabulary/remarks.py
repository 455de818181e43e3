"""Remarks of readers on files that they could read: what they took for granted, and what they left out."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str], None]
"""Gets one sentence, fit to print, that begins with the file's name."""


def unheard(remark: str) -> None:
    """For callers who show nothing."""
