"""Whose fault a failure is: that of the call, or of an endpoint that serves nobody, where all calls fare alike."""

from __future__ import annotations

from .batches import Batch, Endpoint
from .errors import CallError, InDoubtError, RefusedError
from .retry import come_back

FEW = 10
"""So many others an endpoint must have answered between two refusals of a call, and the second is for its own sake."""
TOO_MANY = 429


def shared(endpoint: Endpoint, batch: Batch, error: CallError) -> bool:
    """Whether a failure says nothing of this call, and so uses up none of its attempts.

    One in doubt may be the prompt's, unless the endpoint is down for all. A refusal never is as long as others are not
    served either. What never answered may be no model's server at all, and gets no such favour, but for 429. A flow
    that says how often to try again is taken at its word.
    """
    limiter = endpoint.limiter
    seen, batch.seen = batch.seen, limiter.answers
    if batch.asked[0].retries is not None:
        return False
    if isinstance(error, InDoubtError):
        return limiter.known and limiter.down
    if not isinstance(error, RefusedError) or not (limiter.known or error.status == TOO_MANY):
        return False
    return limiter.down or (seen is not None and limiter.answers - seen < FEW)


def too_long(endpoint: Endpoint, error: CallError, now: float) -> RefusedError | None:
    """The failure of all calls in line where a server asks to be left alone for longer than they may wait."""
    since = endpoint.limiter.since
    asked = error.retry_after
    if asked is None or now + asked <= (now if since is None else since) + endpoint.policy.total:
        return None
    return RefusedError(f"{error} ({come_back(asked)})", status=error.status, retry_after=asked)


def given_up(endpoint: Endpoint, now: float) -> RefusedError | None:
    """The failure of a call that is not sent, for its endpoint has served nobody for all the time that there is."""
    limiter, last = endpoint.limiter, endpoint.failed
    if not limiter.hopeless or last is None or limiter.since is None:
        return None
    said = f"{last} (not asked: nothing was answered there for {now - limiter.since:.0f} s)"
    return RefusedError(said, status=last.status)
