"""Requests of a run's earlier part that the server may still work on, because their process was killed.

Many servers see only at the end of their work that nobody reads the answer. When the run goes on soon, these requests
keep their places, so that the server has never more requests of the run at once than the flow allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..dispatch.ledger import NoLog, RunLog
from ..journal.index import OpenAttempt
from ..journal.store import Journal
from ..limits.lease_shares import LINGER, LONGER
from ..vocabulary.amounts import count_text

_ROWS = 100
"""The rows before the last attempt in which the slowest request is looked for."""
_SHORT = 1.0
"""The seconds up to which the user is told nothing."""


def lingering(journal: Journal, log: NoLog, tell: Callable[[str], None]) -> list[tuple[str, float]]:
    """Return the model of each request that the server may still work on, and for how many seconds from now on."""
    if not isinstance(log, RunLog):
        return []
    found = [one for several in journal.index.open.values() for one in several if one.run == log.run and not one.ended]
    kept = _kept(journal, found, log.clock.now())
    longest = max((seconds for _, seconds in kept), default=0.0)
    if longest >= _SHORT:
        requests = count_text(len(kept), "request")
        tell(f"{requests} of a killed process may still be under way, and may take up places for {longest:.0f} s")
    return kept


def _kept(journal: Journal, attempts: Iterable[OpenAttempt], now: float) -> list[tuple[str, float]]:
    requests: dict[str, tuple[str, float]] = {}
    last = 0
    for one in attempts:
        body = journal.body(one.number)
        # Journals of format 1 do not have the time of a request.
        if not isinstance(body, dict) or body.get("batch") or "at" not in body:
            continue
        if now - (sent := body["at"] / 1000) < LINGER:
            requests[body["key"]] = body["model"], sent
            last = max(last, one.number)
    if not requests:
        return []
    most = _slowest(journal, last)
    after = LINGER if most is None else min(LINGER, LONGER * most)
    return [(model, left) for model, sent in requests.values() if (left := sent + after - now) > 0]


def _slowest(journal: Journal, last: int) -> float | None:
    """Return the seconds of the slowest of the latest requests. None if none of them has ended."""
    bodies = [journal.body(number) for number in range(max(1, last - _ROWS), last)]
    ends = [one for one in bodies if isinstance(one, dict) and "from" in one and "to" in one]
    return max(((one["to"] - one["from"]) / 1000 for one in ends), default=None)
