"""Messages between the processes that share a journal: JSON in frames, each after its length in four bytes.

The body of a record travels as the text that stands in its row, so no byte of an answer changes on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..vocabulary.json_value import Json
from .records import Encoded, Kind, LogRecord, encode

MOST_BYTES = 256 * 1024 * 1024
"""The most bytes of one frame. A longer one comes from no process of flowrun's."""
_HEAD = 4
_KINDS = {str(kind): kind for kind in Kind}


class WireError(ValueError):
    """A frame that is too long, or whose content is no JSON of the expected form."""


def framed(message: Json) -> bytes:
    """Return the frame of a message. Raises WireError if it is too long."""
    return framed_text(encode(message))


def framed_text(text: str) -> bytes:
    """Return the frame of a message that is JSON text already. Raises WireError if it is too long."""
    body = text.encode()
    if len(body) > MOST_BYTES:
        raise WireError(f"a message of {len(body):,} bytes is too long: {MOST_BYTES:,} are the most")
    return len(body).to_bytes(_HEAD, "big") + body


class Frames:
    """The frames of one stream. ``feed`` takes bytes as they arrive, and gives out the messages that are complete."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        """``most``: the most bytes of one frame."""
        self.most = most
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Give out the messages that these bytes complete. Raises WireError."""
        self._held += data
        at = 0
        try:
            while len(self._held) - at >= _HEAD:
                size = int.from_bytes(self._held[at : at + _HEAD], "big")
                if size > self.most:
                    raise WireError(f"a message of {size:,} bytes is too long: {self.most:,} are the most")
                end = at + _HEAD + size
                if len(self._held) < end:
                    break
                body, at = bytes(self._held[at + _HEAD : end]), end
                try:
                    message = json.loads(body)
                except ValueError:
                    raise WireError("a message is no JSON") from None
                yield message
        finally:
            del self._held[:at]


def packed(records: Iterable[LogRecord]) -> list[Json]:
    """Return records as JSON. ``unpacked`` makes them again."""
    return [
        [
            one.run,
            str(one.kind),
            one.key.hex(),
            one.place,
            str(one.body) if type(one.body) is Encoded else encode(one.body),
        ]
        for one in records
    ]


def unpacked(rows: Iterable[Any]) -> tuple[LogRecord, ...]:
    """Return the records that ``packed`` has made into JSON. Raises WireError if one has another form."""
    try:
        return tuple(
            LogRecord(int(run), _KINDS[kind], Encoded(body), bytes.fromhex(key), str(place))
            for run, kind, key, place, body in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"a record has an unexpected form ({error})") from None
