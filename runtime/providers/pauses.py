"""The seconds that a server asks to be left alone, wherever it says so."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .rate_headers import date_of


def retry_after(headers: Mapping[str, str], error: Mapping[str, Any]) -> float | None:
    """The seconds that the server asks to be left alone: ``retry-after-ms``, ``Retry-After``, Google's RetryInfo."""
    waits = [_number(headers.get("retry-after-ms", ""), 0.001)]
    text = headers.get("Retry-After", "")
    waits.append(_number(text, 1.0))
    if waits == [None, None] and text:
        until = date_of(text)
        # Measured against the server's own clock where it tells it: ours may be off.
        now = date_of(headers.get("Date", "")) or time.time()
        waits.append(None if until is None else max(0.0, until - now))
    for detail in details_of(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            waits.append(_number(delay[:-1], 1.0))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def details_of(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The details of an error object, as Google writes them."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else [details]:
        if isinstance(detail, dict):
            yield detail
