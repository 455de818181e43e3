"""The reading and writing of JSON in requests and replies. After many of them, the core of pydantic does it.

The core saves about 2 µs a message, and takes some 25 ms to load. So a small run is quicker without it.
"""

from __future__ import annotations

import json
from itertools import count
from types import ModuleType
from typing import Any

from ..vocabulary.json_parts import read, writer

_plain = writer(json.JSONEncoder(ensure_ascii=False, separators=(",", ":")))


def encode(value: Any) -> bytes:
    """Write a value as JSON. Half surrogate pairs, which are not characters, become question marks."""
    core = _WIRE.core()
    try:
        return _plainly(value) if core is None else bytes(core.to_json(value))
    except ValueError:
        if core is None:
            raise
        # The standard library also writes half surrogate pairs.
        return _plainly(value)


def decode(raw: bytes | bytearray) -> Any:
    """Read a value from JSON. Raises: UnicodeDecodeError, ValueError, RecursionError."""
    core = _WIRE.core()
    try:
        return read(raw.decode("utf-8")) if core is None else core.from_json(raw)
    except ValueError:
        if core is None:
            raise
        # The standard library also takes half surrogate pairs and more than 200 levels, and its errors differ by cause.
        return json.loads(raw.decode("utf-8"))


def _plainly(value: Any) -> bytes:
    return _plain(value).encode("utf-8", "replace")


class Wire:
    """The messages of this process so far, and the core of pydantic after the first ``few``."""

    def __init__(self, few: int) -> None:
        self._few = few
        self._messages = count()
        self._core: ModuleType | None = None

    def core(self) -> ModuleType | None:
        """Count a message. Return what reads or writes it; None is the standard library."""
        if self._core is None and next(self._messages) >= self._few:
            import pydantic_core

            self._core = pydantic_core
        return self._core


_WIRE = Wire(few=12_000)
