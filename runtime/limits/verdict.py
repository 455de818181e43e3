"""The verdict of a request's end on its server."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """``REFUSED``: too much is asked (429). ``OVERLOADED``: not now (503, 529). ``FAILED``: another 5xx. ``LOST``: no
    answer at all, for want of a connection, by a reset or a time-out. ``NEUTRAL`` says nothing: a request that was
    given up, or was wrong in itself.
    """

    OK = "ok"
    REFUSED = "refused"
    OVERLOADED = "overloaded"
    FAILED = "failed"
    LOST = "lost"
    NEUTRAL = "neutral"
