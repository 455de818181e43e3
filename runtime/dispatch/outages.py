"""Whose fault a failure is: that of the call, or of an endpoint that serves nobody, where all calls fare alike."""

from __future__ import annotations

from dataclasses import dataclass

from ..limits import Verdict
from ..limits.retry import come_back
from ..vocabulary.errors import CallError, EndpointError, InDoubtError, ModelError, RefusedError
from .batch import Batch
from .endpoint import Endpoint

FEW = 10
"""So many others an endpoint must have answered between two refusals of a call, and the second is for its own sake."""
_TOO_MANY = 429


def closing(batch: Batch, error: CallError, now: float) -> CallError | None:
    """Take in what a failed attempt says of its endpoint. Returns why nothing more is to be asked there, if so."""
    endpoint = batch.endpoint
    limiter = endpoint.limiter
    if error.rates is not None:
        limiter.learn(error.rates)
    if batch.out.verdict not in (Verdict.OK, Verdict.NEUTRAL):
        endpoint.failed = error
    end = error if isinstance(error, EndpointError | ModelError) else _too_long(endpoint, error, now)
    if error.retry_after is not None and end is None:
        limiter.pause(error.retry_after)
    return end


@dataclass(slots=True)
class Allowance:
    """The attempts that answered calls of a run had no need of.

    In an outage other calls take them, each for an attempt in doubt. So a run never makes more attempts that may be
    billed than its calls have together, as a plan says.
    """

    left: int = 0

    def add(self, batch: Batch) -> None:
        """A call of this request is answered."""
        # A budget counts each attempt: what one of a called flow leaves is not for calls beside it.
        if not batch.asked[0].budgeted:
            self.left += max(0, batch.retries.policy.attempts - batch.retries.tries - 1)

    def covers(self, batch: Batch) -> bool:
        return not batch.asked[0].budgeted and self.left >= len(batch.asked)


def wait_after(batch: Batch, error: CallError, now: float, allowance: Allowance) -> float:
    """The seconds until the next attempt at a request. Raises its failure where there is none."""
    alike, since = _shared(batch, error), batch.endpoint.limiter.since
    if alike and error.doubtful:
        alike = allowance.covers(batch)
        allowance.left -= len(batch.asked) * alike
    if not alike and error.retry_after is None:
        return batch.retries.after(error, now)
    return batch.retries.after(error, now, since=now if since is None else since, shared=alike)


def goes_first(batch: Batch, *, probe: bool) -> bool:
    """Whether a request that is to be tried again goes ahead of those that wait for their first attempt.

    ``probe``: its last attempt was the only one that could leave. After a probe another one asks whether the server is
    there: this may be one that it cannot take. Against 429 the same one asks on as long as that costs it nothing.
    """
    if not probe:
        return True
    failed = batch.endpoint.failed
    return failed is not None and failed.status == _TOO_MANY and not batch.retries.tries


def given_up(endpoint: Endpoint, now: float) -> RefusedError | None:
    """The failure of a call that is not sent, for its endpoint has served nobody for all the time that there is."""
    limiter, last = endpoint.limiter, endpoint.failed
    if not limiter.hopeless or last is None or limiter.since is None:
        return None
    said = f"{last} (not asked: nothing was answered there for {now - limiter.since:.0f} s)"
    return RefusedError(said, status=last.status)


def _shared(batch: Batch, error: CallError) -> bool:
    """Whether a failure says nothing of this call, and so uses up none of its attempts.

    One in doubt may be the prompt's, unless the endpoint is down for all. A refusal never is as long as others are not
    served either. What never answered may be no model's server at all, and gets no such favour, but for 429. A flow
    that says how often to try again is taken at its word.
    """
    limiter = batch.endpoint.limiter
    seen, batch.seen = batch.seen, limiter.answers
    if batch.asked[0].retries is not None:
        return False
    if isinstance(error, InDoubtError):
        return limiter.known and limiter.down
    if not isinstance(error, RefusedError) or not (limiter.known or error.status == _TOO_MANY):
        return False
    return limiter.down or (seen is not None and limiter.answers - seen < FEW)


def _too_long(endpoint: Endpoint, error: CallError, now: float) -> RefusedError | None:
    """The failure of all calls in line where a server asks to be left alone for longer than they may wait."""
    since = endpoint.limiter.since
    asked = error.retry_after
    if asked is None or now + asked <= (now if since is None else since) + endpoint.policy.total:
        return None
    return RefusedError(f"{error} ({come_back(asked)})", status=error.status, retry_after=asked)
