"""The verdict on a server after a request."""

from __future__ import annotations

from enum import Enum

from ..vocabulary.errors import AnswerError, CallError, InDoubtError, RefusedError

_OVERLOADED = frozenset({503, 529})


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


def verdict_of(error: CallError) -> Verdict:
    """Judge the state of the server from a failed attempt."""
    if isinstance(error, AnswerError):
        return Verdict.OK
    if not isinstance(error, RefusedError | InDoubtError):
        return Verdict.NEUTRAL
    if error.status is None:
        return Verdict.LOST
    if isinstance(error, InDoubtError):
        return Verdict.FAILED
    if error.status == 429:
        return Verdict.REFUSED
    return Verdict.OVERLOADED if error.status in _OVERLOADED else Verdict.NEUTRAL
