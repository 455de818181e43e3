"""The timeline of a run for its page: lanes, stretches, the critical path, and the time by cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord
from ..vocabulary.waits import Cause
from .call_order import CallOrder
from .critical_path import (
    OWN,
    RETRIES,
    SERVER,
    Piece,
    call_time,
    critical_path,
    stretches_of,
    time_of,
)
from .head import duration
from .lanes import Gap, Lane, gaps_of, lanes_of

WORDS: Mapping[str, str] = {
    SERVER: "the server works",
    RETRIES: "failed attempts",
    OWN: "between calls: files, values, externs",
    Cause.RETRY_AFTER: "Retry-After",
    Cause.OUTAGE: "outage",
    Cause.RATE: "the rate limit",
    Cause.SHARE: "other runs had the places",
    Cause.WIDTH: "all places taken",
    Cause.BACKOFF: "back-off after a failure",
    Cause.BUDGET: "no room in the budget",
}
"""The words for the causes of time. The page shows them too."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The timeline of a run. Times are in milliseconds since the run began.

    ``untimed`` counts the calls that were sent and whose times the journal does not have. ``calls`` counts the calls on
    the critical path. ``spent`` has the time of that path by cause, ``spent_in_all`` those of all calls together.
    """

    lanes: tuple[Lane, ...]
    stretches: tuple[tuple[int, int], ...]
    path: tuple[Piece, ...]
    gaps: tuple[Gap, ...]
    calls: int
    timed: int
    untimed: int
    spent: Mapping[str, int]
    spent_in_all: Mapping[str, int]


def timeline_of(record: RunRecord) -> Timeline:
    """Work out the timeline of a run from its record."""
    order = CallOrder(record.plan, record.calls)
    stretches, lanes = stretches_of(record), lanes_of(record)
    path = critical_path(order, stretches) if order.calls else []
    models = [call.model for call in record.calls]
    sent = sum(any(one.end != "unsent" for one in call.attempts) for call in record.calls)
    begun = sum(any(one.began is not None for one in call.attempts) for call in record.calls)
    return Timeline(
        tuple(lanes),
        tuple(stretches),
        tuple(path),
        tuple(gaps_of(lanes, order.calls, models, stretches)) if order.calls else (),
        len({piece.call for piece in path if piece.call >= 0}),
        begun,
        sent - begun,
        time_of(path),
        call_time(order.calls),
    )


def as_data(timeline: Timeline) -> dict[str, Json]:
    """Write a timeline as the page's script reads it."""
    return {
        "lanes": [{"name": lane.name, "models": list(lane.models)} for lane in timeline.lanes],
        "stretches": [[*one] for one in timeline.stretches],
        "path": [[one.began, one.ended, one.cause, one.call] for one in timeline.path],
        "gaps": [[one.began, one.ended, one.cause, one.lane] for one in timeline.gaps],
        "timed": timeline.timed,
        "untimed": timeline.untimed,
        "spent": dict(timeline.spent),
        "spentInAll": dict(timeline.spent_in_all),
        "words": {str(cause): words for cause, words in WORDS.items()},
        "told": list(in_words(timeline)),
    }


def in_words(timeline: Timeline) -> Iterator[str]:
    """Yield sentences that tell where the time went, for those who do not see the drawing."""
    if not timeline.timed:
        yield (
            "The journal of this run has no times, because an older version wrote it."
            if timeline.untimed
            else "The run sent no request, so there is no time to show."
        )
        return
    whole = sum(ended - began for began, ended in timeline.stretches)
    pauses = [after[0] - before[1] for before, after in zip(timeline.stretches, timeline.stretches[1:], strict=False)]
    if pauses:
        parts = len(timeline.stretches)
        yield (
            f"The run took {duration(whole)} in {parts} parts; "
            f"{duration(sum(pauses))} of pause between them {'is' if parts == 2 else 'are'} cut out."
        )
    else:
        yield f"The run took {duration(whole)}."
    if timeline.calls:
        calls = "call" if timeline.calls == 1 else "calls"
        yield f"Its critical path has {timeline.calls:,} {calls}: {_listed(timeline.spent)}."
    yield f"All calls together, side by side: {_listed(timeline.spent_in_all)}."
    if timeline.untimed:
        calls = "call" if timeline.untimed == 1 else "calls"
        yield f"The journal has no times for {timeline.untimed:,} further {calls}."
    for gap in sorted(timeline.gaps, key=lambda one: one.began - one.ended)[:3]:
        lane = f" at {timeline.lanes[gap.lane].name}" if gap.lane >= 0 else ""
        began, length = duration(gap.began), duration(gap.ended - gap.began)
        yield f"Idle from {began} for {length}: {WORDS.get(gap.cause, gap.cause)}{lane}."


def _listed(spent: Mapping[str, int]) -> str:
    told: Sequence[str] = [f"{duration(ms)} {WORDS.get(cause, cause)}" for cause, ms in spent.items()]
    return ", ".join(told) if told else "no time"
