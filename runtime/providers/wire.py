"""JSON on the wire, by pydantic's reader and writer, which take less of a call than the standard library's."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Half surrogate pairs, which are no characters, become question marks."""
    try:
        return to_json(value)
    except PydanticSerializationError:
        return _plain(value).encode("utf-8", "replace")


def decode(raw: bytes | bytearray) -> Any:
    """Raises UnicodeDecodeError, ValueError, RecursionError."""
    try:
        return from_json(raw)
    except ValueError:
        # Half surrogate pairs, and more than 200 levels; and the standard library tells apart what is wrong.
        return json.loads(raw.decode("utf-8"))
