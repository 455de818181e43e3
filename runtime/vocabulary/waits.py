"""The waiting of a run: the seconds in which calls were ready and could not be sent, by cause."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from flowrun.dsl import dataclass


class Cause(StrEnum):
    """A cause of waiting. If several hold at the same time, the time counts for the first of them in this order.

    ``RETRY_AFTER``: the server asked for a pause. ``OUTAGE``: the server serves nobody, and only probes are sent.
    ``RATE``: the flow's `rpm` or `tpm`, or the limit in the server's headers, is used up. ``SHARE``: other
    runs have the rest of the places that the flow's `concurrency` allows. ``WIDTH``: all places at the endpoint are
    taken. ``BACKOFF``: an attempt failed, the next one waits, and nothing else is in flight there.
    ``BUDGET``: the budgets have no room until other calls have their bills.
    """

    RETRY_AFTER = "retry_after"
    OUTAGE = "outage"
    RATE = "rate"
    SHARE = "share"
    WIDTH = "width"
    BACKOFF = "backoff"
    BUDGET = "budget"


Reason = tuple[Cause, float]
"""A cause of waiting, and the event loop's time until which it holds; infinity if no time ends it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The cause for which calls wait at the moment. ``seconds`` is the time until it is over, None if no time ends it.

    ``endpoint`` is the host, without user, password, path and query.
    """

    endpoint: str
    cause: Cause
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class EndpointWaits:
    """The waiting at one endpoint.

    ``endpoint`` is its host, without user, password, path and query. ``models`` are the addresses of its models.
    ``seconds`` has the wall time of each cause: calls that wait side by side count once. ``narrowest`` and ``widest``
    are the fewest and the most requests that were allowed at once. ``ceiling`` is the `concurrency` of the models, None
    if the flow sets none. ``paced`` is True if the flow sets `rpm` or `tpm`. ``next`` is the number of requests at once
    with which the next run begins, None if it is not kept. ``runs`` is the highest number of runs that shared the
    limits of the flow at the same time.
    """

    endpoint: str
    models: tuple[str, ...]
    seconds: Mapping[Cause, float]
    narrowest: int
    widest: int
    ceiling: int | None = None
    paced: bool = False
    next: int | None = None
    runs: int = 1


@dataclass(frozen=True, slots=True)
class BlockWaits:
    """The seconds in which a map or a repeat had more bodies to open, and only its own ``concurrency`` forbade it.

    Seconds in which a call of the run waits at an endpoint or for a budget do not count.
    """

    block: str
    concurrency: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Waits:
    """The waiting of a run since it began or was resumed."""

    endpoints: tuple[EndpointWaits, ...] = ()
    blocks: tuple[BlockWaits, ...] = ()


NO_WAITS = Waits()
