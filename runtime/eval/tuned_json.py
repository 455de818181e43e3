"""The result of tuning as JSON, version 1."""

from __future__ import annotations

from typing import Any

from ..vocabulary.quoting import json_text
from .promise import Judged
from .tuned import Tuned

VERSION = 1


def tuned_json(found: Tuned, lines: list[tuple[int, str]], *, written: bool) -> str:
    """Write the settings, from the dearest to the cheapest, and the pick. ``lines`` are those to write, by number.

    Costs are in dollars a row.
    """
    return (
        json_text(
            {
                "version": VERSION,
                "rows": found.rows,
                "lose": found.lose,
                "sure": found.sure,
                "same_as": None if found.labelled else "all",
                "unit": "dollars" if found.priced else "calls",
                "settings": [_setting(found, one) for one in found.judged],
                "settings_left": found.left,
                "pick": _values(found, found.pick.place) if found.found else None,
                "lines": [{"line": number, "text": text} for number, text in lines] if found.found else [],
                "rows_needed": found.needed,
                "written": written,
            }
        )
        + "\n"
    )


def _values(found: Tuned, place: int) -> dict[str, str]:
    return dict(zip(found.titles, found.tries[place].values, strict=True))


def _setting(found: Tuned, one: Judged) -> dict[str, Any]:
    made = found.tries[one.place]
    return {
        "values": _values(found, one.place),
        "run": made.run,
        "right": sum(made.right),
        "unanswered": made.unanswered,
        "calls_a_row": made.calls,
        "cost_a_row": made.cost,
        "calls_sent": made.sent,
        "cost_paid": made.paid,
        "lost": one.lost,
        "bound": one.bound,
        "end": one.end,
    }
