"""Values in the words of messages."""

from __future__ import annotations

from collections.abc import Mapping

from ..vocabulary.quoting import shown


def described(value: object) -> str:
    """Describe a value for a message, such as "the number 5" or "a list"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int():
            return f"the number {value}" if abs(value) < 10**20 else "a very large number"
        case float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value, 60)}" if value else "an empty text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a record"
    return f"a Python {type(value).__name__}"
