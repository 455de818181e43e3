"""The calls that leave a batch API: those of lines without an answer, and those of a run that is stopped."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.decisions import Call
from ..vocabulary.errors import CallError
from .attempt import Attempts
from .batch import Batch
from .endpoint import Endpoint
from .waiting_calls import WaitingCalls


def gone_live(batch: Batch, error: CallError, attempts: Attempts, calls: WaitingCalls) -> list[Call]:
    """End the attempt of a line that has no answer and was not paid. Return its calls for the live API.

    The budgets have to allow them at the live price.
    """
    attempts.retried(batch, error, 0.0)
    left, batch.calls = batch.calls, []
    return [] if attempts.stopped else calls.afforded(left, batch.retries.tries, live=True)


def stop_gatherings(endpoints: Iterable[Endpoint]) -> None:
    """Stop the waiting for batch APIs."""
    for one in endpoints:
        if one.batch is not None and hasattr(one.batch.provider, "stop"):
            one.batch.provider.stop()
