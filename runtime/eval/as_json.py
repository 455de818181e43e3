"""An evaluation as JSON, version 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..vocabulary.quoting import json_text
from .calibration import Calibration
from .columns import Column, Together, together
from .confusion import Confusion
from .measures import Measures
from .pairs import Pairs
from .proportions import Share
from .side import Row
from .voting import Voting, advice

VERSION = 1


def as_json(columns: Sequence[Column]) -> str:
    """Write the measures of all sides, the first one first, for one answer after the other.

    Costs are in dollars, times in milliseconds.
    """
    sides = [_side(one) for column in columns for one in column.sides]
    return json_text({"version": VERSION, "sides": sides, "all_right": [_all(one) for one in together(columns)]}) + "\n"


def _all(one: Together) -> dict[str, Any]:
    return {
        "name": one.name,
        "rows": one.accuracy.rows,
        "right": one.accuracy.right,
        "accuracy": _share(one.accuracy),
        "against_first": None if one.against is None else _pairs(one.against),
    }


def _side(one: Measures) -> dict[str, Any]:
    column, _, step = one.side.label.partition("=")
    return {
        "name": one.side.name,
        "column": column,
        "step": step or None,
        "run": one.side.run,
        "rows": one.accuracy.rows,
        "right": one.accuracy.right,
        "unanswered": one.unanswered,
        "accuracy": _share(one.accuracy),
        "calls_a_row": one.calls,
        "cost_a_row": one.cost,
        "ms_a_row": one.milliseconds,
        "calls_sent": one.side.calls_sent,
        "cost_paid": one.side.cost_paid,
        "confusion": None if one.confusion is None else _confusion(one.confusion),
        "calibration": None if one.calibration is None else _calibration(one.calibration),
        "voting": None if one.voting is None else _voting(one.voting),
        "against_first": None if one.against is None else _pairs(one.against),
        "answers": [_row(row) for row in one.side.rows],
    }


def _share(share: Share) -> dict[str, Any]:
    return {"value": share.value, "low": share.low, "high": share.high}


def _confusion(table: Confusion) -> dict[str, Any]:
    return {"expected": list(table.classes), "given": list(table.given), "counts": [list(row) for row in table.counts]}


def _calibration(found: Calibration) -> dict[str, Any]:
    groups = [
        {
            "from": group.low,
            "to": group.high,
            "agreement": group.agreement,
            "votes": group.share.rows,
            "right": group.share.right,
            "accuracy": _share(group.share),
        }
        for group in found.groups
    ]
    return {"error": found.error, "groups": groups}


def _voting(voting: Voting) -> dict[str, Any]:
    return {
        "votes": voting.votes,
        "unanimous": voting.unanimous,
        "calls": voting.calls,
        "cost": voting.cost,
        "single_calls": voting.single_calls,
        "single_cost": voting.single_cost,
        "tokens": voting.tokens,
        "single_tokens": voting.single_tokens,
        "single_accuracy": None if voting.single is None else _share(voting.single),
        "advice": advice(voting),
    }


def _pairs(pairs: Pairs) -> dict[str, Any]:
    low, high = pairs.interval
    return {
        "difference": {"value": pairs.difference, "low": low, "high": high},
        "only_first_right": pairs.first,
        "only_this_right": pairs.second,
        "p": pairs.p,
        "told_apart": pairs.told_apart,
        "rows_needed": None if pairs.told_apart else pairs.needed,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "row": row.index,
        "name": row.name,
        "expected": row.want,
        "answer": row.got,
        "answered": row.answered,
        "reason": row.reason,
        "right": row.right,
        "calls": row.calls,
        "cost": row.cost,
        "tokens": row.tokens,
        "ms": row.milliseconds,
        "agreement": None if row.tally is None else row.tally.agreement,
        "stands": None if row.tally is None else row.tally.stands,
    }
