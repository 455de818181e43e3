"""The protocol of a document reader: it makes text of the bytes of one kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """A document reader. ``read`` gets the bytes and the file's name for messages, and returns plain text or Markdown.

    It raises InputError if the bytes are not what the suffix promises. ``is_heavy`` tells whether reading the bytes may
    take much memory. It is then done in a process with a limit. Up to ``quick`` bytes are read
    within a tenth of a second.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str], str]
    is_heavy: Callable[[bytes], bool] = lambda data: False
    quick: int = 0
