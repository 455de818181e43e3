"""The reading and writing of JSON in requests and replies. Pydantic is faster at this than the standard library."""

from __future__ import annotations

import json
from functools import cache
from types import ModuleType
from typing import Any

_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Write a value as JSON. Half surrogate pairs, which are not characters, become question marks."""
    core = _core()
    try:
        return bytes(core.to_json(value))
    except core.PydanticSerializationError:
        return _plain(value).encode("utf-8", "replace")


def decode(raw: bytes | bytearray) -> Any:
    """Read a value from JSON. Raises: UnicodeDecodeError, ValueError, RecursionError."""
    try:
        return _core().from_json(raw)
    except ValueError:
        # The standard library also takes half surrogate pairs and more than 200 levels, and its errors differ by cause.
        return json.loads(raw.decode("utf-8"))


@cache
def _core() -> ModuleType:
    import pydantic_core  # a provider's declaration is read without it

    return pydantic_core
