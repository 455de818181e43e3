"""The figures in the head of a page, and the forms of durations, money and counts in it."""

from __future__ import annotations

import math
import time
from typing import Any

from flowrun.dsl import dataclass, pattern

from ..vocabulary.call_record import CallRecord
from ..vocabulary.run_record import RunRecord

_ZEROS = pattern(r"(\.\d\d\d*?)0+$")
_KEPT = r"\1"
_PERHAPS_PAID = frozenset(("doubtful", "cancelled", "open"))
STATE = {
    "done": "Done: the flow has its answer.",
    "partial": "Partly done: the answer lacks elements or steps.",
    "failed": "Failed: the flow has no answer.",
    "budget": "Out of its budget: the flow is not done.",
    "open": "Open: a person has not answered.",
    "submitted": "Submitted: a batch API has the calls.",
    "stopped": "Stopped by a signal: the flow is not done.",
    "disk": "Ended by its disk: the flow is not done.",
    "killed": "Killed: its process died before the end.",
    "running": "Running.",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run.

    ``ms`` is its length without the pauses before resumes. ``cost`` and ``unbilled`` are in dollars, None if a price is
    not known. ``early`` counts the samples that votes did not need, ``reused`` the answers from the journal, and
    ``cached`` the tokens that a provider read from its cache.
    """

    state: str
    calls: int
    requests: int
    ms: int
    cost: float | None
    unbilled: float | None
    calls_limit: int | None
    money_limit: float | None
    early: int
    reused: int
    cached: int
    losses: int


def figures_of(record: RunRecord) -> Figures:
    """Return the figures of a run. Those that its account lacks are counted from its calls."""
    account = record.account
    requests = {one.request for call in record.calls for one in call.attempts if one.end != "unsent"}
    return Figures(
        state=STATE.get(record.status, f"{record.status.capitalize()}."),
        calls=sum(call.counts_as != "unsent" for call in record.calls),
        requests=_number(account.get("requests"), len(requests)),
        ms=length_of(record),
        cost=record.cost,
        unbilled=account.get("unbilled", 0.0),
        calls_limit=record.plan.calls_limit,
        money_limit=record.plan.money_limit,
        early=sum(tally.saved for tally in record.end.votes.values()),
        reused=sum(call.state == "reused" for call in record.calls),
        cached=sum(one.tokens.cached or 0 for call in record.calls for one in call.answers),
        losses=len(record.end.losses),
    )


def length_of(record: RunRecord) -> int:
    """Return the length of a run in ms, without the pauses before resumes. An open part ends with its last attempt."""
    times = [time for call in record.calls for one in call.attempts for time in (one.began, one.ended) if time]
    last = max(times, default=0)
    if record.stretches:
        return sum(max((last if one.ended is None else one.ended) - one.began, 0) for one in record.stretches)
    return last if record.ended is None else max(round((record.ended - record.began) * 1000), 0)


def _number(value: Any, instead: int) -> int:
    return value if isinstance(value, int) else instead


def three(value: float) -> str:
    """Write a number with three significant figures, without an exponent: ``0.00210``, ``8.30``, ``12,300``."""
    if not value:
        return "0"
    number = float(f"{value:.3g}")
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.{min(20, 2 - math.floor(math.log10(abs(number))))}f}"


def duration(ms: int) -> str:
    """Write a duration with three significant figures: ``7 ms``, ``1.23 s``, ``2 min 5 s``, ``3 h 12 min``."""
    if ms < 1000:
        return f"{ms} ms"
    if ms < 99_950:
        return f"{three(ms / 1000)} s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def money(dollars: float | None) -> str:
    """Write dollars with three significant figures, and "unknown" for None."""
    if dollars is None:
        return "unknown"
    # Zeros at the end say nothing, but cents have two digits: $0.0021, $2.50.
    return f"${_ZEROS.sub(_KEPT, three(dollars))}"


def cost_of(call: CallRecord, figures: Figures) -> float | None:
    """Return the dollars of a call of the run with these figures; None if they are not known."""
    if figures.unbilled is None and any(one.end in _PERHAPS_PAID for one in call.attempts):
        return None
    return call.cost


def spent(figures: Figures) -> str:
    """Write the cost of a run: ``$0.0021``, ``≥ $0.0021`` if a call without a known price may be paid, or ``unknown``.

    The page's script writes the same in sums.js.
    """
    if figures.unbilled is not None or figures.cost is None:
        return money(figures.cost)
    return f"≥ {money(figures.cost)}" if figures.cost else "unknown"


def clock(seconds: float) -> str:
    """Write a time in UTC: ``2026-01-31 12:00:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
