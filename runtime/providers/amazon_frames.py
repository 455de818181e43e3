"""A reader of the binary event streams of AWS (smithy.io, "Event stream specification").

A message has a prelude (its length, the length of its headers, a checksum), headers, a payload and a checksum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from struct import Struct, error
from zlib import crc32

from .event_stream import BrokenStreamError

_PRELUDE = Struct(">III")
_LENGTH = Struct(">H")
_SUM = Struct(">I")
_LARGEST = 24 * 1024 * 1024
_MOST_HEADERS = 128 * 1024
# The bytes of a header's value by its type: booleans have none, and types 6 and 7 begin with their length.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _TEXT = 6, 7


class FrameReader:
    """A reader that turns bytes into events. The bytes may be cut anywhere.

    An event is a pair of a type and a JSON text. The text is an object with one field, whose name is the type. An
    exception of the server is an event of the type ``error``. Raises: BrokenStreamError.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        rest = self._rest
        rest += chunk
        while len(rest) >= _PRELUDE.size:
            whole, headers, checksum = _PRELUDE.unpack_from(rest)
            if crc32(rest[:8]) != checksum:
                raise BrokenStreamError("the checksum at the beginning of an event of the answer is wrong")
            if whole > _LARGEST or headers > _MOST_HEADERS or whole < _PRELUDE.size + headers + _SUM.size:
                raise BrokenStreamError("an event of the answer has an impossible length")
            if len(rest) < whole:
                return
            message = bytes(rest[:whole])
            del rest[:whole]
            if crc32(message[: -_SUM.size]) != _SUM.unpack_from(message, whole - _SUM.size)[0]:
                raise BrokenStreamError("the checksum of an event of the answer is wrong")
            start = _PRELUDE.size + headers
            yield _event(_headers(message[_PRELUDE.size : start]), message[start : -_SUM.size])

    def end(self) -> Iterator[tuple[str, str]]:
        """Return no event: an incomplete message at the end of the stream has none."""
        self._rest.clear()
        return iter(())


def _headers(raw: bytes) -> dict[str, str]:
    """Return the headers that are texts."""
    found, at = {}, 0
    try:
        while at < len(raw):
            start = at + 1
            at = start + raw[at]
            name, kind = raw[start:at].decode(), raw[at]
            at += 1
            size = _SIZES.get(kind)
            if size is None and kind in (_BYTES, _TEXT):
                (size,) = _LENGTH.unpack_from(raw, at)
                at += _LENGTH.size
            if size is None or at + size > len(raw):
                raise BrokenStreamError("an event of the answer has a broken header")
            if kind == _TEXT:
                found[name] = raw[at : at + size].decode()
            at += size
    except (IndexError, error, UnicodeDecodeError):
        raise BrokenStreamError("an event of the answer has a broken header") from None
    return found


def _event(headers: dict[str, str], payload: bytes) -> tuple[str, str]:
    kind = headers.get(":message-type", "event")
    if kind == "event":
        name = headers.get(":event-type", "")
        return name, f"{{{json.dumps(name)}:{payload.decode() or '{}'}}}"
    name = headers.get(":exception-type") or headers.get(":error-code") or kind
    said = headers.get(":error-message", "")
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        told = payload.decode("utf-8", "replace")
    if isinstance(told, dict):
        told = told.get("message") or told.get("Message") or told.get("originalMessage") or ""
    return "error", json.dumps({"error": {"type": name, "message": str(told or said or name)}})
