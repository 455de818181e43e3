"""The measures of a side, and its comparison with the first side."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from flowrun.dsl import dataclass, types

from .calibration import Calibration, calibrated
from .confusion import Confusion, confusion_of
from .pairs import Pairs, pairs_of
from .proportions import Share
from .side import Side
from .voting import Voting, voting_of


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a side. ``cost`` is in dollars a row, None if a price is unknown; ``milliseconds`` is the median.

    ``against`` compares the first side (first) with this one (second); None for the first side.
    """

    side: Side
    accuracy: Share
    unanswered: int
    calls: float
    cost: float | None
    milliseconds: float | None
    confusion: Confusion | None
    calibration: Calibration | None
    voting: Voting | None
    against: Pairs | None


def measured(sides: Sequence[Side]) -> list[Measures]:
    """Measure sides that answered the same rows. A row without an answer counts as a wrong one."""
    return [_measures(side, None if at == 0 else sides[0]) for at, side in enumerate(sides)]


def _measures(side: Side, base: Side | None) -> Measures:
    rows = side.rows
    costs = [row.cost for row in rows]
    known = [cost for cost in costs if cost is not None]
    times = [row.milliseconds for row in rows if row.milliseconds is not None]
    votes = [(row.tally.agreement, row.right) for row in rows if row.tally is not None and row.answered]
    inner = types.unwrapped(side.type)
    words = inner.options if isinstance(inner, types.Choice) else ()
    return Measures(
        side,
        Share(sum(side.right), len(rows)),
        sum(not row.answered for row in rows),
        sum(row.calls for row in rows) / len(rows),
        fmean(known) if len(known) == len(costs) else None,
        median(times) if times else None,
        confusion_of(((row.want, row.got, row.answered, row.right) for row in rows), words),
        calibrated(votes) if votes else None,
        voting_of(rows),
        None if base is None else pairs_of(base.right, side.right),
    )
