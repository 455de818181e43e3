"""The pace that an endpoint takes, as one run hands it to the next: its width and its reported rate limits."""

from __future__ import annotations

from typing import NamedTuple

WIDEST = 10_000
"""The most requests at which a run starts: one process is meant for this many in flight."""


class Pace(NamedTuple):
    """The requests that an endpoint took at once, and the limits that it reported.

    ``width`` is 0 if it is not known. ``refused`` says that the server refused more, and ``rising`` that the run still
    widened when it ended. ``requests`` and ``tokens`` are the limits of the server's own window, often a minute; None
    if it reported none. ``weeks`` are the whole weeks since the width was seen.
    """

    width: int = 0
    refused: bool = False
    requests: int | None = None
    tokens: int | None = None
    weeks: int = 0
    rising: bool = False

    def start(self, usual: int, ceiling: int | None) -> int:
        """Return the number of requests at which a run may start. ``usual`` is the number without a record.

        ``ceiling`` is the most requests at once, None for no ceiling. An old width is halved each week, or doubled,
        until it is the usual number.
        """
        weeks, start = min(self.weeks, 20), usual
        if self.refused and self.width < usual:
            start = min(usual, self.width << weeks)
        elif self.width > usual:
            start = max(usual, min(self.width, WIDEST) >> weeks)
        # More at once than the server allows in its whole window would be refused.
        start = start if self.requests is None else min(start, max(1, self.requests))
        return start if ceiling is None else min(start, ceiling)

    def further(self, start: int) -> int:
        """Return the number of requests up to which a run that starts with ``start`` may go on before the first answer.

        If the last run still widened, it is what slow start comes to after one more round (RFC 5681): twice as many.
        """
        if not self.rising or self.refused or start != self.width or self.weeks:
            return start
        return min(2 * start, WIDEST if self.requests is None else max(start, self.requests))

    def refused_at(self, start: int) -> int | None:
        """Return the number of requests that the server is known to refuse, for a run that starts just below it."""
        return self.width + 1 if self.refused and start == self.width and not self.weeks else None

    def shown_by(self, found: Pace) -> bool:
        """Tell whether a later run shows the width of the endpoint.

        A run that was refused does. A run that was not refused shows only that the server takes at least its width.
        """
        known = self.width if self.refused else self.width >> min(self.weeks, 20)
        return found.width > 0 and (found.refused or found.width >= known)

    def after(self, found: Pace) -> Pace:
        """Return this pace with the findings of a later run."""
        requests = self.requests if found.requests is None else found.requests
        tokens = self.tokens if found.tokens is None else found.tokens
        if not self.shown_by(found):
            return self._replace(requests=requests, tokens=tokens)
        refused = found.refused or (self.refused and found.width == self.width)
        return Pace(found.width, refused, requests, tokens, rising=found.rising and not refused)
