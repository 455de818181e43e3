"""The remarks of readers about files: the assumptions that they made, and the parts that they left out."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str], None]
"""A function that gets a remark: one sentence, fit to print, that begins with the file's name."""


def unheard(remark: str) -> None:
    """Ignore a remark, for callers that show nothing."""
