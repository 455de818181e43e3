"""A run in one process. A run with worker processes has other ways to do the same: see ``workers.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..account.summary import Summary
from ..dispatch.attempt_events import Publish
from ..dispatch.endpoint import Endpoint
from ..dispatch.ledger import NoLog
from ..dispatch.scheduler import Scheduler
from ..engine.scopes import Context
from ..limits import Limiter, LimiterMaker
from ..vocabulary.json_value import Json
from ..vocabulary.pace import Pace
from ..vocabulary.waits import Waits
from .endpoints import LimiterAt, plain
from .models import Models
from .parts import Parts
from .run_rows import RunSettings

if TYPE_CHECKING:
    from ..dispatch.run_turns import Sharer


class OneProcess:
    """The processes of a run: this one alone. ``places`` is the number of processes in which bodies run."""

    places = 1

    def __init__(self, limiter_at: LimiterAt = plain) -> None:
        self._limiter_at = limiter_at

    def parts(self, given: Parts) -> Parts:
        """Return the parts with which the run opens its models."""
        return given

    def limiter_at(self, endpoint: str) -> LimiterMaker:
        """Return what makes the limiter of an endpoint."""
        return self._limiter_at(endpoint)

    def settle(self, models: Models, tell: Callable[[str], None]) -> None:
        """Choose the blocks whose bodies run in other processes. ``tell`` gets a remark if there are none."""

    async def greet(
        self,
        settings: RunSettings,
        values: Mapping[str, Json],
        log: NoLog,
        context: Context,
        publish: Publish,
        summary: Summary,
        *,
        priced: bool,
    ) -> Context:
        """Tell the other processes about the run. Return the world of this one. Raises UsageError if one cannot begin.

        ``priced``: the run needs the prices of its models. ``summary`` is the first of its listeners.
        """
        return context

    def sharer(self, endpoint: Endpoint) -> Sharer:
        """Return what keeps the limits of an endpoint for all processes of the run."""
        from ..limits.limiter_sharer import LimiterSharer  # few flows declare limits

        return LimiterSharer(_common(endpoint.limiter))

    def linger(self, models: Models, requests: Sequence[tuple[str, float]]) -> None:
        """Keep places for requests that the server may still work on: the model of each, and the seconds."""
        loop = asyncio.get_running_loop()
        for model, seconds in requests:
            limiter = models.endpoints[model].limiter if model in models.endpoints else None
            if limiter is None or limiter.limit is None:
                continue
            # They are in flight, whatever the share of this run is by now.
            common = _common(limiter)
            portion, common.portion = common.portion, None
            if (place := limiter.acquire()) is not None:
                loop.call_later(seconds, limiter.release, place)
            common.portion = portion

    def scheduler(self, *given: Any) -> Scheduler:
        """Make the scheduler of the run."""
        return Scheduler(*given)

    def waits(self, own: Waits) -> Waits:
        """Return the waiting of all processes, at the end of the run. ``own`` is that of this one."""
        return own

    def pace(self, endpoint: Endpoint) -> Pace:
        """Return the pace of an endpoint that the run leaves to later ones, at its end."""
        return endpoint.limiter.pace

    def close(self) -> None:
        """End the other processes."""


def _common(limiter: Limiter) -> Limiter:
    """Return the limiter that all runs of this process have at an endpoint, or that of one run."""
    found: Limiter = getattr(limiter, "common", limiter)
    return found
