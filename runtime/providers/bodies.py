"""Helpers that write the bodies of requests and read those of replies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..vocabulary.call import Message


def count(data: Any, *names: str) -> int | None:
    """Return the sum of the named token counts. None if the server sends none of them. Negative counts are ignored."""
    if not isinstance(data, dict):
        return None
    total: int | None = None
    for name in names:
        if type(value := data.get(name)) is int and value >= 0:
            total = value if total is None else total + value
    return total


def told(messages: Sequence[Message], words: str) -> list[Message]:
    """Return the messages with ``words`` added to the user's last message, or in a message of their own."""
    out = list(messages)
    for index in range(len(out) - 1, -1, -1):
        if out[index].role == "user":
            out[index] = replace(out[index], text=f"{out[index].text}\n\n{words}")
            return out
    return [*out, Message("user", words)]


def text_of(data: dict[str, Any]) -> str:
    """Return a reply as JSON text. "" for a reply that JSON text cannot express."""
    try:
        return json.dumps(data, ensure_ascii=False)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or nothing but brackets.
        return ""
