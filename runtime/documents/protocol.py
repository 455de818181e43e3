"""The protocol of a document reader. It makes text from the bytes of one kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flowrun.dsl import dataclass

from ..vocabulary.errors import InputError, mistake_in


@dataclass(frozen=True, slots=True)
class Reader:
    """A document reader. ``read`` gets the bytes and the file's name for messages, and returns plain text or Markdown.

    It raises InputError if the bytes are not of the kind that the suffix says. ``is_heavy`` tells whether reading the
    bytes may take much memory. Such bytes are read in a process with a limit. Up to ``quick`` bytes are read within a
    tenth of a second.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str], str]
    is_heavy: Callable[[bytes], bool] = lambda data: False
    quick: int = 0


def guarded(reader: Reader, who: str) -> Reader:
    """Return a safe version of a reader of another package. Its faults become InputErrors that name the package."""

    if not (callable(reader.read) and callable(reader.is_heavy)):
        raise TypeError("its `read` and `is_heavy` must be functions")
    if isinstance(reader.suffixes, str) or not all(isinstance(one, str) for one in reader.suffixes):
        raise TypeError("its suffixes must be a tuple of texts")

    def read(data: bytes, name: str) -> str:
        try:
            text = reader.read(data, name)
        except (InputError, MemoryError):
            raise
        except Exception as mistake:  # noqa: BLE001 (the reader is somebody else's)
            raise InputError(f"{name} cannot be read: {who} failed: {mistake_in(mistake)}") from None
        if isinstance(text, str):
            return text
        raise InputError(f"{name} cannot be read: {who} returned no text, but {text!r:.80}")

    def is_heavy(data: bytes) -> bool:
        try:
            return bool(reader.is_heavy(data))
        except Exception:  # noqa: BLE001 (the child process says what is wrong)
            return True

    suffixes = tuple(suffix.lower() for suffix in reader.suffixes)
    return replace(reader, suffixes=suffixes, read=read, is_heavy=is_heavy)
