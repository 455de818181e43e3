"""The files that a flow has read, as its reader saw them: path, size, digest, and the content of small ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

MOST = 1024 * 1024
"""The most bytes of a content that is kept; of a larger one the size and the digest are kept."""
Found = bytes | list[str] | Exception
"""The things found at a path: the bytes of the file, the names that fit a pattern, or the error."""
Seen = Callable[[str, Found], None]
"""A function that hears of each file that is read, in the thread that reads it."""


class FileSeen(NamedTuple):
    """A file that was read. ``path`` is as the flow named it.

    ``content`` has the file in one field: a ``text`` in UTF-8, other bytes in ``base64``, or for a pattern the names as
    ``json``. It is None if it is too large. ``error`` tells why the file could not be read.
    """

    path: str
    size: int = 0
    sha256: str = ""
    content: dict[str, Any] | None = None
    pattern: bool = False
    error: str = ""


def seen(path: str, found: Found) -> FileSeen:
    """Describe what was found at a path. The size and the digest of names are those of their JSON text."""
    if isinstance(found, Exception):
        return FileSeen(path, error=str(found))
    from hashlib import sha256  # a command that keeps nothing of its files loads no OpenSSL

    names = isinstance(found, list)
    data = json.dumps(found, separators=(",", ":")).encode() if isinstance(found, list) else found
    digest = sha256(data).hexdigest()
    content: dict[str, Any] | None = None
    if len(data) <= MOST:
        content = {"json": found} if isinstance(found, list) else _content(data)
    return FileSeen(path, len(data), digest, content, names)


def _content(data: bytes) -> dict[str, Any]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        import base64

        return {"base64": base64.b64encode(data).decode()}


class _Child:
    """The listener of a child process. It is set where the process begins."""

    tell: Callable[[FileSeen], None] | None = None


def report_to(tell: Callable[[FileSeen], None]) -> None:
    """Send the files that this process reads for its parent to this function."""
    _Child.tell = tell


def tell_parent(path: str, found: Found) -> None:
    """Send a file to the function of ``report_to``."""
    if _Child.tell is not None:
        _Child.tell(seen(path, found))
