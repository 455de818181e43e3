"""A tally as JSON data, the same for a run that ends and for a run of the journal."""

from __future__ import annotations

from typing import Any

from .tally import Tally


def vote_json(tally: Tally) -> dict[str, Any]:
    """Return a tally as JSON data. Its numbers have all their digits."""
    return {
        "winner": tally.winner,
        "ballots": [{"answer": answer, "count": count} for answer, count in tally.ballots],
        "agreement": tally.agreement,
        "margin": tally.margin,
        "stands": tally.stands,
        "planned": tally.planned,
        "asked": tally.asked,
        "counted": tally.counted,
        "discarded": tally.discarded,
        "missing": tally.missing,
        "saved": tally.saved,
        "settled": tally.settled,
        **_classes(tally),
        **({} if tally.contest is None else {"contest": tally.contest.as_json()}),
        **_panel(tally),
    }


def _panel(tally: Tally) -> dict[str, Any]:
    if tally.panel is None:
        return {}
    from .panel import panel_json  # few votes are panels

    return panel_json(tally)


def _classes(tally: Tally) -> dict[str, Any]:
    if tally.classes is None:
        return {}
    from .classes import classes_json  # few votes compare answers

    return {"classes": classes_json(tally.classes)}
