"""The cause of a failure: the call itself, or an endpoint that serves nobody, so that all calls fail alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy

from flowrun.dsl import dataclass

from ..limits import Verdict
from ..limits.retry import come_back
from ..vocabulary.errors import CallError, EndpointError, InDoubtError, ModelError, RefusedError
from .batch import Batch
from .endpoint import Endpoint, with_batches

FEW = 10
"""The answers that an endpoint must give to other calls between two refusals of a call to put the second down to it."""
_TOO_MANY = 429


def closing(batch: Batch, error: CallError, now: float) -> CallError | None:
    """Learn about an endpoint from a failed attempt. Return the error that closes the endpoint or model, if any."""
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


def closed_by(
    error: CallError, endpoint: Endpoint, endpoints: Iterable[Endpoint]
) -> Iterator[tuple[Endpoint, CallError]]:
    """Close a model, or after an EndpointError its whole endpoint. Yield what is closed, with the failure of requests.

    The end of a whole endpoint is also that of its batch API.
    """
    refused = copy(error)
    refused.doubtful = False  # whatever became of the request that met the end
    if (tell := getattr(endpoint.limiter, "tell_closed", None)) is not None:
        tell(endpoint, refused)  # to the other processes that share the endpoint
    for other in with_batches(endpoints):
        beside = (
            isinstance(error, EndpointError) and (other.live or other).limiter is (endpoint.live or endpoint).limiter
        )
        if other is endpoint or beside:
            other.closed = refused
            yield other, refused


@dataclass(slots=True)
class Allowance:
    """The attempts that the answered calls of a run did not need.

    In an outage other calls use them, one for each attempt in doubt. So a run never makes more attempts that may be
    billed than the plan allows for all its calls together.
    """

    left: int = 0

    def add(self, batch: Batch) -> None:
        """Add the unused attempts of a batch, for one of its calls that was answered."""
        # A budget counts each attempt: attempts left over in a called flow are not for calls outside of it.
        if not batch.asked[0].policy.budgeted:
            self.left += max(0, batch.retries.policy.attempts - batch.retries.tries - 1)

    def covers(self, batch: Batch) -> bool:
        return not batch.asked[0].policy.budgeted and self.left >= len(batch.asked)


def wait_after(batch: Batch, error: CallError, now: float, allowance: Allowance) -> float:
    """Return the seconds until the next attempt at a request. Raises the request's failure if there is none."""
    alike, since = _shared(batch, error), batch.endpoint.limiter.since
    if alike and error.doubtful:
        alike = allowance.covers(batch)
        allowance.left -= len(batch.asked) * alike
    if not alike and error.retry_after is None:
        return batch.retries.after(error, now)
    return batch.retries.after(error, now, since=now if since is None else since, shared=alike)


def goes_first(batch: Batch, *, probe: bool) -> bool:
    """Tell whether a request that is tried again goes ahead of requests that wait for their first attempt.

    ``probe`` is True if its last attempt was a probe: the only request that was allowed at the time. The next probe
    should be another request, because the server may be unable to serve this one. After a 429 the same request stays
    the probe as long as none of its tries is used up.
    """
    if not probe:
        return True
    failed = batch.endpoint.failed
    return failed is not None and failed.status == _TOO_MANY and not batch.retries.tries


def given_up(endpoint: Endpoint, now: float) -> RefusedError | None:
    """Make the failure of a call that is not sent because its endpoint has served nobody for too long. Else None."""
    limiter, last = endpoint.limiter, endpoint.failed
    if not limiter.hopeless or last is None or limiter.since is None:
        return None
    said = f"{last} (not sent: this server has not answered for {now - limiter.since:.0f} s)"
    return RefusedError(said, status=last.status)


def _shared(batch: Batch, error: CallError) -> bool:
    """Tell whether a failure is not due to the call, so that it uses up none of the call's attempts.

    A failure in doubt may be due to the prompt, unless the endpoint is down for all calls. A refusal is not due to the
    call as long as no other call is served. A status that tells nothing about the server, such as 409, is due to the
    call, unless the endpoint is down. An endpoint that has never answered may not serve models at all, so only
    its 429 is excused. If the flow sets ``retries``, every failure uses up an attempt.
    """
    limiter = batch.endpoint.limiter
    seen, batch.seen = batch.seen, limiter.answers
    if batch.asked[0].policy.retries is not None:
        return False
    if isinstance(error, InDoubtError):
        return limiter.known and limiter.down
    if not isinstance(error, RefusedError) or not (limiter.known or error.status == _TOO_MANY):
        return False
    if limiter.down:
        return True
    return batch.out.verdict is not Verdict.NEUTRAL and seen is not None and limiter.answers - seen < FEW


def _too_long(endpoint: Endpoint, error: CallError, now: float) -> RefusedError | None:
    """Make the failure of all queued calls if a server asks for a longer pause than they may wait. Otherwise None."""
    since = endpoint.limiter.since
    asked = error.retry_after
    if asked is None or now + asked <= (now if since is None else since) + endpoint.policy.total:
        return None
    return RefusedError(f"{error} ({come_back(asked)})", status=error.status, retry_after=asked)
