"""The verdict on a server after a request."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The verdict on a server after a request.

    ``OK``: the request was served. ``REFUSED``: there are too many requests (429). ``OVERLOADED``: the server cannot
    serve at the moment (503, 529). ``FAILED``: another 5xx. ``LOST``: no answer at all, after a failed connection, a
    reset or a time-out. ``NEUTRAL``: the request tells nothing about the server, because it was given up or was itself
    wrong.
    """

    OK = "ok"
    REFUSED = "refused"
    OVERLOADED = "overloaded"
    FAILED = "failed"
    LOST = "lost"
    NEUTRAL = "neutral"
