"""JSON text, written and read by the standard library's own machinery without its setup for each value."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder as machinery
from typing import Any

_make = getattr(machinery, "c_make_encoder", None)
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def writer(encoder: json.JSONEncoder) -> Callable[[Any], str]:
    """Return a function that writes values as ``encoder.encode`` does. ``encoder`` neither indents nor sorts."""
    if _make is None:
        return encoder.encode
    quote = machinery.encode_basestring_ascii if encoder.ensure_ascii else machinery.encode_basestring
    parts = _make(None, encoder.default, quote, None, encoder.key_separator, encoder.item_separator, False, False, True)

    def encode(value: Any) -> str:
        try:
            return "".join(parts(value, 0))
        except RecursionError:
            # The value may have itself inside. The encoder tells so.
            return encoder.encode(value)

    return encode


def read(text: str) -> Any:
    """Read a value from JSON. Raises: ValueError, RecursionError."""
    try:
        value, end = _scan(text, 0)
    except (StopIteration, ValueError):
        return json.loads(text)
    return value if end == len(text) else json.loads(text)
