"""The values of spreadsheets and of columnar files as plain JSON data, and the bound on their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import Any
from uuid import UUID

from ..files.files import MOST_BYTES
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json

_CELL = 8
"""The bytes that a value counts besides its text."""


class Unplain(ValueError):
    """A value has no form in JSON. The message says why, and the way out."""


def plain(value: Any) -> Json:
    """Return a value as plain JSON data. Dates and times become texts (ISO 8601). Raises Unplain."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not isfinite(value):
                raise Unplain(
                    "a number is NaN or infinite, which JSON does not have; write nothing for a missing value"
                )
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list():
            return _map(value) if value and all(isinstance(one, tuple) for one in value) else [*map(plain, value)]
        case timedelta():
            raise Unplain("a duration has no form in JSON; write its seconds as a number")
        case bytes():
            raise Unplain("bytes are not a text; write the column as text in UTF-8")
    return _number(value)


def bounded(rows: Iterable[tuple[int, Json]], name: str) -> Iterator[tuple[int, Json]]:
    """Yield rows while their values take at most as many bytes as a file may have. Raises InputError."""
    size = 0
    for number, row in rows:
        size += _size(row)
        if size > MOST_BYTES:
            raise InputError(
                f"{name} has more than {MOST_BYTES // 1024**2} MiB of values up to row {number:,}, which is the limit; "
                "split it into smaller files"
            )
        yield number, row


def _size(value: Json) -> int:
    if isinstance(value, str):
        return _CELL + len(value)
    if isinstance(value, dict):
        return _CELL + sum(len(name) + _size(one) for name, one in value.items())
    return _CELL + (sum(map(_size, value)) if isinstance(value, list) else 0)


def _map(pairs: list[tuple[Any, Any]]) -> Json:
    """Return the pairs of a map as a record, if their keys are texts and differ."""
    record = {key: plain(one) for key, one in pairs if isinstance(key, str)}
    if len(record) != len(pairs):
        raise Unplain("a map becomes a record, and its keys must be texts that differ")
    return record


def _number(value: Any) -> Json:
    from decimal import Decimal

    if not isinstance(value, Decimal):
        raise Unplain(f"a {type(value).__name__} has no form in JSON")
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise Unplain(f"the number {value} has more digits than flowrun keeps; write it as text")
    return number
