"""The marks around foreign texts in prompts."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.runtime.values.fences import Fences

Messages = list[tuple[str, str]]


def fenced(write: Callable[[Callable[[str], str]], Messages]) -> Messages:
    """Write messages with marks around foreign texts. They are written twice, since a mark must be in no text."""
    fences = Fences()
    write(fences.write)
    fences.close()
    return write(fences.write)
