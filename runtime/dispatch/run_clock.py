"""The clock of a run: the time since it first began, over all its parts."""

from __future__ import annotations

import asyncio

from flowrun.dsl import dataclass


@dataclass(eq=False, slots=True)
class RunClock:
    """The clock of a run. It starts when it is first asked, at ``before`` seconds.

    ``before`` is the wall time from the run's first beginning to the beginning of this part. From there on the time is
    that of the event loop, so a change of the system's clock moves nothing.
    """

    before: float = 0.0
    _zero: float | None = None

    def now(self) -> float:
        """Return the seconds since the run first began."""
        return self.since_begin(asyncio.get_running_loop().time())

    def since_begin(self, moment: float) -> float:
        """Turn a time of the event loop into seconds since the run first began."""
        if self._zero is None:
            self._zero = moment - self.before
        return moment - self._zero

    def milliseconds(self, moment: float | None = None) -> int:
        """Return the whole milliseconds since the run first began, for a time of the event loop or else for now."""
        return round(1000 * (self.now() if moment is None else self.since_begin(moment)))
