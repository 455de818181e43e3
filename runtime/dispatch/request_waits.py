"""The waiting of one request before an attempt, by cause.

No request is measured by itself. A gate adds up its waiting by cause. A request takes the difference between these sums
at the end of its waiting and at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add, mul, sub

from flowrun.dsl import dataclass

from ..vocabulary.waits import Cause

Sums = tuple[float, ...]
"""The seconds of waiting at a gate so far, in the order of the causes."""

CAUSES = tuple(Cause)
NO_WAITING: Mapping[Cause, int] = {}
_IN_LINE = tuple(int(cause not in (Cause.BACKOFF, Cause.BUDGET)) for cause in CAUSES)
"""The causes that keep back a request that needs only a place: not the failures and bills of other requests."""
_BY_SERVER = tuple(int(cause in (Cause.RETRY_AFTER, Cause.OUTAGE)) for cause in CAUSES)
"""The causes that keep back a request after a failure. The rest of that time is its own back-off."""
_BACKOFF = CAUSES.index(Cause.BACKOFF)
_LEAST = 0.0005
"""The seconds that count: those that make a millisecond when they are rounded. Exactly half of one is rounded up."""


@dataclass(frozen=True, slots=True)
class WaitSums:
    """The sums of a gate at a time of the event loop. Marks without waiting between them share their sums."""

    sums: Sums
    time: float


@dataclass(eq=False, slots=True)
class RequestWaits:
    """The waiting of a request since its last attempt, or since its calls could be sent.

    ``since`` is the mark at the beginning of the present stretch of waiting. ``failed`` is True in the stretch after a
    failed attempt. ``seconds`` are those of earlier stretches, in the order of the causes, None for none.
    """

    since: WaitSums
    failed: bool = False
    seconds: list[float] | None = None
    _told: Mapping[Cause, int] | None = None

    def go_on(self, now: WaitSums) -> None:
        """End the present stretch. The next one is in line for a place."""
        before, counted = self.since, _BY_SERVER if self.failed else _IN_LINE
        took = [*map(mul, map(sub, now.sums, before.sums), counted)]
        if self.failed:
            took[_BACKOFF] = max(0.0, now.time - before.time - sum(took))
        self.seconds = took if self.seconds is None else [*map(add, self.seconds, took)]
        self.since, self.failed, self._told = now, False, None

    @property
    def told(self) -> Mapping[Cause, int]:
        """The milliseconds by cause, without causes that took less than one."""
        if self._told is None:
            self._told = found = {}
            for cause, took in zip(CAUSES, self.seconds or (), strict=False):
                if took >= _LEAST:
                    found[cause] = _milliseconds(took)
        return self._told


Waited = WaitSums | RequestWaits | None
"""The waiting of a request: a mark as long as it has only been in line, None if it does not or did not wait."""


def gone_on(waited: Waited, now: WaitSums) -> Waited:
    """Begin another stretch of waiting."""
    if waited is None:
        return now
    if isinstance(waited, WaitSums):
        if waited.sums is now.sums:
            return now
        waited = RequestWaits(waited)
    waited.go_on(now)
    return waited


def told(waited: Waited) -> Mapping[Cause, int]:
    """Return the milliseconds of waiting by cause."""
    return waited.told if isinstance(waited, RequestWaits) else NO_WAITING


def with_budget(waited: Mapping[Cause, int], withheld: float) -> Mapping[Cause, int]:
    """Add the seconds for which budgets have kept a call back."""
    return waited if withheld < _LEAST else {**waited, Cause.BUDGET: _milliseconds(withheld)}


def _milliseconds(seconds: float) -> int:
    """Round seconds that count to milliseconds. They are never 0, however a product of floats falls."""
    return max(1, round(1000 * seconds))
