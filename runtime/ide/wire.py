"""The messages on a stream of bytes. A broken one is skipped, and the next one is found again.

The form is that of the base protocol of the language server protocol, 3.17: headers, an empty line, and as many bytes
as `Content-Length` says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

MOST_BYTES = 512 * 1024 * 1024
"""The largest message. It holds the largest file that flowrun reads, with room for escapes."""
_LONGEST_HEADER = 64 * 1024
_PIECE = 1024 * 1024
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?\n\Z", re.IGNORECASE)
# A body without a line end may stand before the name of the header.


class Broken(NamedTuple):
    """A part of the stream that is no message, with the reason."""

    reason: str


class Stream(Protocol):
    """A stream of bytes. Both methods return nothing at its end."""

    def readline(self, most: int, /) -> bytes: ...

    def read(self, most: int, /) -> bytes: ...


class Reader:
    """The stream from the editor, by the number of its file.

    It has no lock, as Python's own streams have. So the process can end while a thread waits here for the next message.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._kept = b""

    def readline(self, most: int, /) -> bytes:
        while (end := self._kept.find(b"\n") + 1) == 0 and len(self._kept) < most:
            piece = os.read(self._number, _PIECE)
            if not piece:
                break
            self._kept += piece
        return self.read(min(end or len(self._kept), most)) if self._kept else b""

    def read(self, most: int, /) -> bytes:
        if not self._kept:
            return os.read(self._number, most)
        found, self._kept = self._kept[:most], self._kept[most:]
        return found


def messages(stream: Stream) -> Iterator[bytes | Broken]:
    """Yield the bodies of the messages until the stream ends. A message that is cut off at its end is dropped."""
    length: int | None = None
    strange = False
    while line := stream.readline(_LONGEST_HEADER):
        if line.strip(b"\r\n"):
            found = _LENGTH.search(line)
            if found:
                length = int(found[1])
            # `Content-Type` is the only other header, and UTF-8 the only encoding.
            strange = strange or not (found or line.lower().startswith(b"content-type"))
            continue
        if length is None:
            if strange:
                yield Broken("these bytes are no message: a message begins with the header `Content-Length`")
            strange = False
            continue
        if length > MOST_BYTES:
            yield Broken(f"a message has at most {MOST_BYTES // 1024**2} MiB, and this one has {length:,} bytes")
            if not all(True for _ in _pieces(stream, length)):
                return
        else:
            body = b"".join(_pieces(stream, length))
            if len(body) < length:
                return
            yield body
        length, strange = None, False


def _pieces(stream: Stream, length: int) -> Iterator[bytes]:
    """Yield the next bytes of a stream. One read of all would reserve the memory for any length that a header says."""
    while length > 0 and (piece := stream.read(min(length, _PIECE))):
        length -= len(piece)
        yield piece


class Writer:
    """The stream to the editor. After the editor has gone, ``gone`` is True and nothing is written."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.gone = False

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self.gone:
            try:
                view = view[os.write(self.number, view) :]
            except BlockingIOError:
                from ..outputs.pipe import wait_to_write  # only where another program made the pipe non-blocking

                wait_to_write(self.number)
            except OSError:
                self.gone = True

    def close(self) -> None:
        """Do nothing: the process closes the stream when it ends."""
