"""A run and its calls as JSON data. The rows of calls have the one schema of all exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...plans.run_calls import RunCalls
from ...vocabulary.call_record import as_row
from ...vocabulary.run_record import OutsideRecord, RunRecord
from ...vocabulary.tally_json import vote_json
from .outside import outside_json
from .run_tree import TreeRow, tree_json

VERSION = 1


def show_json(calls: RunCalls, found: Iterable[int], rows: Sequence[TreeRow], outside: OutsideRecord) -> dict[str, Any]:
    """Return the output of `show --json`: the run, the tree of its steps, its calls, its externs and files."""
    return {
        "version": VERSION,
        "run": run_json(calls),
        "steps": [tree_json(row) for row in rows],
        "calls": [call_json(calls, at) for at in found],
        **outside_json(outside, calls),
    }


def call_json(calls: RunCalls, at: int) -> dict[str, Any]:
    """Return the row of a call. Its path is the one that `show` prints and accepts."""
    call = calls.record.calls[at]
    vote = calls.path_of(call.vote) if call.vote else ""
    address = calls.addresses[at]
    return {**as_row(call), "path": address.text, "step": ".".join(address.steps), "vote": vote}


def run_json(calls: RunCalls) -> dict[str, Any]:
    record = calls.record
    return {
        **run_facts(record),
        "complete": record.end.complete,
        "value": record.end.value,
        "votes": {calls.path_of(path): vote_json(tally) for path, tally in record.end.votes.items()},
        **_totals(record),
        **_cascades(record),
        "losses": [
            {"path": calls.path_of(one.path), "reason": one.reason, "fatal": one.fatal} for one in record.end.losses
        ],
        "stretches": [{"began": one.began, "ended": one.ended} for one in record.stretches],
        "endpoints": {model: {"name": one.name, "url": one.url} for model, one in record.endpoints.items()},
        "account": dict(record.account),
        "notes": list(record.notes),
    }


def _totals(record: RunRecord) -> dict[str, Any]:
    if not record.end.votes:
        return {}
    from ...account.vote_totals import totals_json

    return totals_json(record.end.votes.values())


def _cascades(record: RunRecord) -> dict[str, Any]:
    if not record.end.cascades:
        return {}
    from ...account.cascades import cascades_json

    return {"cascades": cascades_json(record.end.cascades)}


def run_facts(record: RunRecord) -> dict[str, Any]:
    """Return the facts that name a run. Its beginning and its end are in seconds of the epoch."""
    return {
        "id": record.id,
        "flow": record.plan.flow,
        "file": record.plan.source,
        "status": record.status,
        "began": record.began,
        "ended": record.ended,
    }
