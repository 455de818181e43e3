"""The verdict on a server, from the end of a request."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The verdict on a server.

    ``OK``: the request was served. ``REFUSED``: too many requests (429). ``OVERLOADED``: not now (503, 529).
    ``FAILED``: another 5xx. ``LOST``: no answer at all, after a failed connection, a reset or a time-out. ``NEUTRAL``
    shows nothing about the server: the request was given up, or was wrong in itself.
    """

    OK = "ok"
    REFUSED = "refused"
    OVERLOADED = "overloaded"
    FAILED = "failed"
    LOST = "lost"
    NEUTRAL = "neutral"
