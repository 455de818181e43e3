"""Long texts that know the file that they came from. A journal keeps the file's name and digest instead of the text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

LARGE = 1024 * 1024
"""The size in bytes above which a journal keeps a text by its file."""


class FileMark(NamedTuple):
    """A file and its content: the absolute path, the size in bytes, and the SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


class LargeText(str):
    """A text that was read from a file of more than ``LARGE`` bytes. ``mark_of`` returns the file."""

    # Its name keeps templates away from it.
    _mark: FileMark
    made = False
    """True once the process has made such a text. Most processes make none, and need not look for them."""


def from_file(text: str, path: Path, data: bytes) -> str:
    """Return a text that was read from these bytes of a file. A long text remembers its file, if it can be read again.

    A pipe, for example, cannot be read again.
    """
    if len(data) <= LARGE or not os.path.isfile(path):
        return text
    from hashlib import sha256

    LargeText.made = True
    large = LargeText(text)
    large._mark = FileMark(os.path.abspath(path), len(data), sha256(data).hexdigest())
    return large


def mark_of(text: object) -> FileMark | None:
    """Return the file of a long text; None for every other value."""
    return text._mark if isinstance(text, LargeText) else None
