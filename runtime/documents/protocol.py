"""What a reader of documents is: it makes text of the bytes of one kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """``read`` gets the bytes and the file's name for messages, and gives plain text or Markdown.

    ``is_heavy`` tells of bytes that may take much memory to read, which is then done in a process with a limit.
    Raises InputError where the bytes are not what the suffix promises.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str], str]
    is_heavy: Callable[[bytes], bool] = lambda data: False
