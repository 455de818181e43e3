"""Bodies that ended because the budget of the run is used up, and wait for the requests that are still paid.

In one process a run reports an empty budget when all calls that it has paid for have their answers. With workers, one
process meets the end of the budget while others still wait for answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..engine.decisions import BodyOver
from ..vocabulary.errors import BudgetError, FlowrunError

_QUIET = 0.12
"""The seconds without any request under way after which none is expected to follow. Events may be 0.05 s late."""

_PATIENCE = 3.0
"""The same while a worker has bodies that have not ended: on a busy machine it may be about to send a request."""


class BudgetEnds:
    """The ends that are held back. ``deliver`` gives them on.

    ``busy`` tells if a request is under way, and ``open_`` if a worker has a body that has not ended.
    """

    def __init__(
        self, deliver: Callable[[BodyOver], None], busy: Callable[[], bool], open_: Callable[[], bool]
    ) -> None:
        self._deliver = deliver
        self._busy = busy
        self._open = open_
        self._held: dict[int, BodyOver] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_since: float | None = None

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, over: BodyOver) -> bool:
        """Hold an end back, and return True, if the budget of the run is its cause. A vote has lost samples by it."""
        if over.failure is None or not any(_of_the_run(one.error) for one in (over.failure, *over.losses)):
            return False
        self._held[over.number] = over
        if self._timer is None:
            self._look()
        return True

    def drop(self, number: int) -> bool:
        """Forget the end of a body that is cancelled. Return False if it is not held."""
        return self._held.pop(number, None) is not None

    def release(self) -> None:
        """Give all ends on."""
        held, self._held = self._held, {}
        self._quiet_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for over in held.values():
            self._deliver(over)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        if self._busy():
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now >= self._quiet_since + (_PATIENCE if self._open() else _QUIET):
            self.release()
        if self._held:
            self._timer = loop.call_later(_QUIET / 4, self._look)


def _of_the_run(error: FlowrunError | None) -> bool:
    return isinstance(error, BudgetError) and not error.flow
