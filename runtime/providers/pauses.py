"""The pause in seconds that a server asks for. It may be in several places of a reply."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .rate_headers import date_of


def retry_after(headers: Mapping[str, str], error: Mapping[str, Any]) -> float | None:
    """Return the seconds to wait before another request. None if the server names none.

    They are in ``retry-after-ms``, ``Retry-After`` or Google's RetryInfo. The longest wait counts.
    """
    waits = [_number(headers.get("retry-after-ms", ""), 0.001)]
    text = headers.get("Retry-After", "")
    waits.append(_number(text, 1.0))
    if waits == [None, None] and text:
        until = date_of(text)
        # Counted from the server's own time, where it sends that: this machine's clock may be wrong.
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
    """Yield the details of an error object, in the form that Google writes."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else [details]:
        if isinstance(detail, dict):
            yield detail
