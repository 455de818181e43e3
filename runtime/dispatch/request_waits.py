"""The waiting of one request before an attempt, by cause.

No request is measured by itself. A gate adds up its waiting by cause. A request takes the difference between these sums
at the end of its waiting and at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

from ..vocabulary.waits import Cause

Sums = tuple[float, ...]
"""The seconds of waiting at a gate so far, in the order of the causes."""

CAUSES = tuple(Cause)
NO_WAITING: Mapping[Cause, int] = {}
_IN_LINE = (Cause.RETRY_AFTER, Cause.OUTAGE, Cause.RATE, Cause.WIDTH)
"""The causes that keep back a request that needs only a place."""
_BY_SERVER = (Cause.RETRY_AFTER, Cause.OUTAGE)
"""The causes that keep back a request after a failure. The rest of that time is its own back-off."""
_LEAST = 0.0005
"""The seconds that count: those that make a millisecond when they are rounded."""


@dataclass(eq=False, slots=True)
class RequestWaits:
    """The waiting of a request since its last attempt, or since its calls could be sent.

    ``sums`` are those of its gate when the present stretch of waiting began, at ``since``, a time of the event loop.
    ``failed`` is True in the stretch after a failed attempt. ``seconds`` are those of earlier stretches, None for none.
    """

    sums: Sums
    since: float
    failed: bool = False
    seconds: dict[Cause, float] | None = None

    def go_on(self, sums: Sums, now: float) -> None:
        """End the present stretch. The next one is in line for a place."""
        if sums is not self.sums or self.failed:
            self._add(sums, now)
        self.sums, self.since, self.failed = sums, now, False

    @property
    def told(self) -> Mapping[Cause, int]:
        """The milliseconds by cause, without causes that took less than one."""
        seconds = self.seconds
        if seconds is None:
            return NO_WAITING
        return {cause: round(1000 * seconds[cause]) for cause in CAUSES if seconds.get(cause, 0.0) >= _LEAST}

    def _add(self, sums: Sums, now: float) -> None:
        seconds = self.seconds
        if seconds is None:
            seconds = self.seconds = {}
        rest = now - self.since
        for cause, before, after in zip(CAUSES, self.sums, sums, strict=True):
            if after > before and cause in (_BY_SERVER if self.failed else _IN_LINE):
                seconds[cause] = seconds.get(cause, 0.0) + after - before
                rest -= after - before
        if self.failed and rest > 0:
            seconds[Cause.BACKOFF] = seconds.get(Cause.BACKOFF, 0.0) + rest


def with_budget(waited: Mapping[Cause, int], withheld: float) -> Mapping[Cause, int]:
    """Add the seconds for which budgets have kept a call back."""
    return waited if withheld < _LEAST else {**waited, Cause.BUDGET: round(1000 * withheld)}
