"""A reader of the rate limits in a server's headers.

OpenAI ("Rate limits in headers") gives durations such as ``6m0s``. Anthropic ("Rate limits, response headers") gives
times, separately for input and output tokens. Others follow the IETF's draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from math import isfinite

from flowrun.dsl import pattern

from ..vocabulary.usage import Rate, Rates

_DURATION = pattern(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_PART = pattern(r'"[^"]*"\s*;([^,]*)|([^,]+)')
_MOST = 10**15
_LONGEST = 7 * 86400.0


def read_rates(headers: Mapping[str, str]) -> Rates | None:
    """Return the rate limits in the headers. None if they have no limits. A value without a meaning is ignored."""
    # A quick way out: most servers send no limits, and this runs for every answer.
    if "ratelimit" not in " ".join(headers).lower():
        return None
    requests = _openai(headers, "requests") or _anthropic(headers, "requests") or _draft(headers)
    tokens = _openai(headers, "tokens") or _scarcest(
        [found for kind in ("tokens", "input-tokens", "output-tokens") if (found := _anthropic(headers, kind))]
    )
    return Rates(requests or Rate(), tokens or Rate()) if requests or tokens else None


def _openai(headers: Mapping[str, str], kind: str) -> Rate | None:
    names = (f"x-ratelimit-{part}-{kind}" for part in ("limit", "remaining", "reset"))
    limit, remaining, reset = (headers.get(name, "") for name in names)
    return _rate(_count(limit), _count(remaining), _duration(reset))


def _anthropic(headers: Mapping[str, str], kind: str) -> Rate | None:
    limit, remaining, reset = (
        headers.get(f"anthropic-ratelimit-{kind}-{part}", "") for part in ("limit", "remaining", "reset")
    )
    return _rate(_count(limit), _count(remaining), _until(reset, headers))


def _draft(headers: Mapping[str, str]) -> Rate | None:
    """Read the single header of the later drafts, ``"name";r=5;t=30``, or the three headers of the earlier ones."""
    one = headers.get("RateLimit", "")
    if found := _PART.search(one):
        pairs = [part.strip().partition("=") for part in (found[1] or "").split(";")]
        values = {name: value for name, equals, value in pairs if equals}
        return _rate(None, _count(values.get("r", "")), _seconds(values.get("t", "")))
    limit, remaining, reset = (headers.get(f"RateLimit-{part}", "") for part in ("Limit", "Remaining", "Reset"))
    return _rate(_count(limit.partition(",")[0]), _count(remaining), _seconds(reset))


def _scarcest(rates: list[Rate]) -> Rate | None:
    """Of several rates that hold at once, return the one with the fewest requests or tokens left.

    None without rates.
    """
    return min(rates, key=lambda rate: _MOST if rate.remaining is None else rate.remaining, default=None)


def _rate(limit: int | None, remaining: int | None, reset: float | None) -> Rate | None:
    return None if limit is None and remaining is None else Rate(limit, remaining, reset)


def _count(text: str) -> int | None:
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    return number if number is not None and number <= _MOST else None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if isfinite(seconds) and 0 <= seconds <= _LONGEST else None


def _duration(text: str) -> float | None:
    text = text.strip()
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        return _seconds(text)
    seconds = sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
    return seconds if seconds <= _LONGEST else None


def _until(text: str, headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a time in RFC 3339, counted from the server's own time if the server sends it."""
    try:
        until = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    now = date_of(headers.get("Date", "")) or time.time()
    return min(max(0.0, until - now), _LONGEST)


def date_of(text: str) -> float | None:
    """Return a header's date as seconds since 1970; None where the text is no date."""
    from email.utils import mktime_tz, parsedate_tz  # these load sockets

    parts = parsedate_tz(text)
    try:
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError, OSError):
        return None
