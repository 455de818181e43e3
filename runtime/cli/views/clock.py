"""Moments in local time."""

from __future__ import annotations

import time

from ...vocabulary.amounts import UNKNOWN


def clock_text(seconds: float, now: float | None = None) -> str:
    """Write a moment in local time: without its date if it is today, and without its year if it is this year."""
    try:
        then, today = time.localtime(seconds), time.localtime(now)
    except (OverflowError, ValueError, OSError):  # a moment that no calendar has
        return UNKNOWN
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S", then)
    return time.strftime("%d %b %H:%M" if then.tm_year == today.tm_year else "%d %b %Y %H:%M", then)
