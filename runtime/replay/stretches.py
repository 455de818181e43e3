"""The stretches of a run: its parts from its beginning, or from a resume, to their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowrun.dsl import dataclass

from ..costs.prices import Prices
from ..costs.written_budget import Budget
from ..journal.answers import Answers
from ..journal.attempts import RunRow
from ..journal.history import History
from ..journal.index import Index, Run
from ..journal.records import Kind
from ..journal.row_usage import FIELDS
from ..vocabulary.amounts import limit_text
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import StretchRecord

_BY_ITSELF = frozenset({"done", "partial", "failed", "budget"})
"""The statuses of runs that came to their end, with or without a value."""
OF_CALLS = frozenset({Kind.INTENT, Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED})
"""The kinds of rows about attempts at calls."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a run. ``rows`` are its rows, ``before`` are the rows of the run before it.

    ``status`` is the status at its end, "" if it has no end. ``budget`` is the one that a resume gave, None if it kept
    that of the beginning. ``spread`` is True if several processes had used up the budget.
    """

    rows: Sequence[RunRow]
    before: Sequence[RunRow]
    record: StretchRecord
    status: str = ""
    budget: Budget | None = None
    spread: bool = False

    def spent(self, budget: Budget) -> str:
        """Return the sentence for calls for which the budget had no room. "" if their order tells which these are."""
        of = [f"{budget.calls} calls"] if budget.calls is not None else []
        of += [limit_text(budget.money)] if budget.money is not None else []
        return f"the flow's budget of {' and '.join(of)} is spent" if self.spread else ""

    @property
    def over(self) -> bool:
        """True if the flow came to its end in this stretch."""
        return self.status in _BY_ITSELF


def stretches(rows: Sequence[RunRow], run: Run) -> Iterator[Stretch]:
    """Divide the rows of a run into its stretches."""
    begins = [at for at, row in enumerate(rows) if row.kind in (Kind.RUN, Kind.RESUMED)]
    for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
        body = json.loads(rows[begin].body)
        began = _milliseconds(body.get("began"), run)
        budget = Budget(*body["budget"]) if isinstance(body.get("budget"), list) else None
        ends = [json.loads(row.body) for row in rows[begin:end] if row.kind == Kind.END]
        ended = _milliseconds(ends[-1].get("ended"), run) if ends else None
        status = str(ends[-1].get("status")) if ends else ""
        spread = bool(ends) and ends[-1].get("spread") is True
        yield Stretch(rows[begin:end], rows[:begin], StretchRecord(began or 0, ended), status, budget, spread)


def _milliseconds(seconds: Json, run: Run) -> int | None:
    return round((seconds - run.began) * 1000) if isinstance(seconds, int | float) else None


def index_of(run: Run, rows: Sequence[RunRow], paid: Answers) -> Index:
    """Make the index of a journal as a stretch of a run found it: all answers, and the attempts of its own rows."""
    index = Index({run.number: run})
    for row in rows:
        if row.kind in OF_CALLS:
            index.take(row.number, run.number, row.kind, row.key, row.place, None)
    index.paid = paid
    return index


def past_of(run: Run, rows: Sequence[RunRow], prices: Prices | None) -> History:
    """Count what a run had spent in these rows. ``prices`` are needed if it has a budget in money."""
    past = History(prices, by_place=True)
    for row in rows:
        if row.kind in (Kind.INTENT, Kind.ANSWER, Kind.REFUSED):
            past.take((run.number, row.kind, row.key, row.place, *_fields(row)))
    return past


def _fields(row: RunRow) -> tuple[Any, ...]:
    body = json.loads(row.body)
    match row.kind:
        case Kind.INTENT:
            most = body.get("most", (body.get("bytes") or 0) + 4096)
            return body.get("model"), most, body.get("max"), body.get("of"), _told(body, ("tier", "stores"))
        case Kind.ANSWER:
            return None, None, int("error" in body), None, _told(body, FIELDS)
    return (body or {}).get("said"), (body or {}).get("of"), None, None, None


def _told(body: Mapping[str, Json], names: Sequence[str]) -> str:
    return json.dumps([body.get(name) for name in names])
