"""The past of a run that goes on, counted from its journal before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.dsl import plan as p

from ..journal.history import History
from ..journal.store import Journal
from ..vocabulary.account import PriceOf
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

if TYPE_CHECKING:
    from ..dispatch.submission_book import SubmissionBook


def past_of(
    plan: p.Plan,
    journal: Journal | None,
    price: PriceOf | None,
    number: int | None,
    book: SubmissionBook | None = None,
) -> History:
    """Read the past of a run from the journal, so that all it has spent counts before anything is sent.

    ``book`` has the submissions to batch APIs. Their lines count when the run waits for them again.

    Raises UsageError if the run has a budget in money and its cost so far is not known.
    """
    flows = any(flow.calls_limit is not None or flow.money_limit is not None for flow in plan.flows.values())
    if journal is None or number is None:
        return History(price, by_place=flows)
    if price is None and not flows:
        past = journal.past(number)
    else:
        past = History(price, by_place=flows)
        for row in journal.attempts(number):
            past.take(row)
    if book is not None:
        for one in journal.index.doubts().get(number, ()):
            if not one.ended and book.key_of(one) is not None:
                past.take_back(one.place, journal.body(one.number))
    if past.unpriced:
        raise UsageError(
            f"the cost of this run's earlier calls to {shown(past.unpriced)} is unknown, so flowrun cannot "
            "keep a budget in money: resume with a budget of calls, such as --budget '400 calls'"
        )
    return past
