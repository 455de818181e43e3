"""The end of a run that does not wait for batch APIs: when nothing else is left to do, it stops."""

from __future__ import annotations

import asyncio

from ..vocabulary.submission import SubmittedError
from .gathering import Gathering
from .scheduler import Scheduler

EVERY = 0.2
"""The seconds between two looks at what is left."""


class Leaving:
    """The watcher of a run that ends as soon as all of its calls under way are submitted, and nothing else is."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._look()

    def _look(self) -> None:
        scheduler = self._scheduler
        if (left := scheduler.only_calls) is None:
            return
        if left and all(
            isinstance(gathering := batch.endpoint.provider, Gathering) and gathering.holds(batch.key) for batch in left
        ):
            scheduler.stop(SubmittedError(sum(len(batch.calls) for batch in left)))
            return
        asyncio.get_running_loop().call_later(EVERY, self._look)
