"""The verdicts on a server, from failed attempts."""

from __future__ import annotations

from ..limits import Verdict
from ..vocabulary.errors import AnswerError, CallError, InDoubtError, RefusedError

_OVERLOADED = frozenset({503, 529})


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
