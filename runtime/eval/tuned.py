"""The settings of a flow's holes on rows: what each costs, how often it is right, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from flowrun.dsl import dataclass

from ..vocabulary.amounts import money_text
from .equality import same
from .fresh_bills import FreshBill
from .promise import Judged, Measured, judged, picked, rows_needed
from .side import Side


@dataclass(frozen=True, slots=True)
class Tried:
    """A setting that ran for all rows. ``values`` are those of its holes, as they are written.

    ``calls`` and ``cost`` are those of a run by itself, a row; ``cost`` is in dollars, None if a price is not known.
    ``sent`` and ``paid`` are those of tuning. ``unanswered`` rows have no answer.
    """

    values: tuple[str, ...]
    run: str
    right: tuple[bool, ...]
    unanswered: int
    calls: float
    cost: float | None
    sent: int
    paid: float | None


def tried(values: tuple[str, ...], side: Side, bill: FreshBill, model: Side | None) -> Tried:
    """Measure a setting. The answers of ``model`` stand for the expected ones, None if the rows have these."""
    rows = side.rows
    return Tried(
        values,
        side.run,
        tuple(side.right if model is None else _alike(side, model)),
        sum(not row.answered for row in rows),
        bill.calls / len(rows),
        None if bill.dollars is None else bill.dollars / len(rows),
        side.calls_sent,
        side.cost_paid,
    )


def _alike(side: Side, model: Side) -> list[bool]:
    """Tell in which rows a setting answers as the model. A row in which the model has no answer is right nowhere."""
    return [
        want.answered and got.answered and same(want.got, got.got, side.type)
        for want, got in zip(model.rows, side.rows, strict=True)
    ]


@dataclass(frozen=True)
class Tuned:
    """The result of tuning. ``titles`` are those of the holes, and ``left`` is the number of settings that did not run.

    The promise: with the probability ``sure``, the picked setting loses at most a share ``lose`` of the answers of the
    dearest one. ``labelled`` says that the rows have the expected answers.
    """

    titles: tuple[str, ...]
    tries: Sequence[Tried]
    lose: float
    sure: float
    labelled: bool
    left: int = 0

    @property
    def rows(self) -> int:
        return len(self.tries[0].right)

    @cached_property
    def priced(self) -> bool:
        """True if the settings are compared by money, and not by calls."""
        costs = [one.cost for one in self.tries]
        return None not in costs and any(costs)

    def cost_of(self, one: Tried) -> float:
        return (one.cost or 0.0) if self.priced else one.calls

    @cached_property
    def judged(self) -> list[Judged]:
        """The settings from the dearest to the cheapest."""
        found = [Measured(self.cost_of(one), one.right) for one in self.tries]
        return judged(found, self.lose, self.sure)

    @cached_property
    def pick(self) -> Judged:
        return picked(self.judged)

    @property
    def dearest(self) -> Tried:
        return self.tries[self.judged[0].place]

    @property
    def chosen(self) -> Tried:
        return self.tries[self.pick.place]

    @property
    def found(self) -> bool:
        """True if a setting that is not the dearest keeps the promise."""
        return self.pick.end == "promised"

    @property
    def open(self) -> Judged | None:
        """The first setting that could not be shown to keep the promise."""
        return next((one for one in self.judged if one.end == "open"), None)

    @property
    def needed(self) -> int | None:
        """The rows that would show the promise for the first open setting, if it loses as often as in these rows."""
        return None if self.open is None else rows_needed(self.lose, self.sure, self.open.lost, self.rows)

    def words(self, one: Tried) -> str:
        """Say the values of a setting, as `ahead 2, repeat 9`."""
        return ", ".join(f"{title} {value}" for title, value in zip(self.titles, one.values, strict=True))

    def price(self, one: Tried) -> str:
        """Say the cost of a row."""
        return money_text(one.cost) if self.priced else f"{one.calls:,.2f} calls"
