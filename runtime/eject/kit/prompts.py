"""The values in prompts."""

from __future__ import annotations

import json
from typing import Any

from .failures import Failure


class Absent:
    """The value of a field that a record does not have. It counts as none, and cannot be written."""

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Absent)

    def __hash__(self) -> int:
        return hash(None)


ABSENT = Absent()


def part(value: Any, name: str) -> Any:
    """Return a field for a prompt."""
    if isinstance(value, Absent):
        return value
    return value[name] if isinstance(value, dict) and name in value else ABSENT


def there(value: Any) -> Any:
    if isinstance(value, Absent):
        raise Failure("a prompt writes a field that is missing")
    return value


def shown(value: Any) -> str:
    """Write a value as a prompt shows it: a text as it is, all else as JSON."""
    value = there(value)
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_absent)


def _absent(value: Any) -> None:
    if not isinstance(value, Absent):
        raise TypeError(f"a Python {type(value).__name__} is not data")


def is_none(value: Any) -> bool:
    return value is None or isinstance(value, Absent)


def elements(values: Any) -> list[Any]:
    """Return the elements that a loop of a prompt goes through."""
    if values is None or isinstance(values, int | float | Absent):
        raise Failure("a `for` of a prompt needs a list")
    return list(values)


def pasted(values: Any, separator: str = "") -> str:
    """Join the elements of a list as prompts show them."""
    return separator.join(shown(value) for value in values)


def letters(value: Any) -> str:
    """Return a value as the text that a filter of letters takes."""
    return value if isinstance(value, str) else str(there(value))
