"""The fields of a row that tell the tokens of its answer, for the writer and for all readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..vocabulary.json_value import Json
from ..vocabulary.usage import DETAILS, TokenDetail, Usage

COUNTS = ("in", "out", *DETAILS)
FIELDS = (*COUNTS, "tier", "doubt", "whole")
"""The names of the fields: the tokens in and out, those of special classes, and the other fields of a ``Usage``."""
SPECIAL = frozenset(FIELDS) - {"in", "out"}
"""The fields that few rows have."""
_PLAIN: list[Any] = [None] * len(SPECIAL)


def usage_fields(usage: Usage) -> dict[str, Json]:
    """Return the fields beside ``in`` and ``out`` that tell a usage. Those that are not known are left out."""
    found: dict[str, Json] = {}
    if (detail := usage.detail) is not None:
        for name in DETAILS:
            if (tokens := getattr(detail, name)) is not None:
                found[name] = tokens
    if usage.tier:
        found["tier"] = usage.tier
    if usage.doubt:
        found["doubt"] = usage.doubt
    if usage.whole is not None and usage.whole != usage.input_tokens:
        found["whole"] = usage.whole
    return found


def usage_in(body: Mapping[str, Any]) -> Usage:
    """Read the usage from the body of a row. Fields that older rows lack are not known."""
    return usage_told([body.get(name) for name in FIELDS])


def usage_told(values: list[Any]) -> Usage:
    """Read the usage from the values of its fields, in their order."""
    if values[2:] == _PLAIN:
        # Nearly all rows are so, and a run may have millions.
        return Usage(_count(values[0]), _count(values[1]))
    read, written, *special, tier, doubt, whole = values
    details = [_count(one) for one in special]
    detail = None if all(one is None for one in details) else TokenDetail(*details)
    return Usage(_count(read), _count(written), detail, _text(tier), _text(doubt), _count(whole))


def _count(found: Any) -> int | None:
    return found if type(found) is int else None


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""
