"""The outcome of a vote as a record that flows read: `votes(x)`."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Panel, Tally


def votes_type(given: Mapping[str, types.Type]) -> types.Type:
    """Return the type of ``votes(x)``. ``given`` has the type of the vote, and of the items if it is a panel."""
    answer = types.unwrapped(given.get("of", types.UNKNOWN))
    counts = types.ListOf(types.Record((types.Field("answer", answer), types.Field("count", types.NUMBER))))
    # The tally of a panel also tells who said what.
    item = types.Record((types.Field("item", types.TEXT), types.Field("counts", counts)))
    listed: types.Type = types.ListOf(item)
    if isinstance(given.get("of"), types.Optional):
        listed = types.Optional(listed)
    panel = (types.Field("panel", listed),) if "over" in given else ()
    return types.Record(
        (
            types.Field("winner", types.Optional(answer)),
            types.Field("counts", counts),
            types.Field("counted", types.INT),
            types.Field("planned", types.INT),
            types.Field("discarded", types.INT),
            types.Field("agreement", types.NUMBER),
            types.Field("margin", types.NUMBER),
            types.Field("stands", types.INT),
            *panel,
        ),
        "PanelVotes" if panel else "Votes",
    )


def votes_record(tally: Tally | None) -> Json:
    """Return the outcome of a vote as a flow sees it. None stands for a vote without ballots."""
    if tally is None:
        nothing = {"counted": 0, "planned": 0, "discarded": 0, "agreement": 0.0, "margin": 0, "stands": 0}
        return {"winner": None, "counts": [], **nothing}
    return {
        "winner": tally.winner,
        "counts": [{"answer": value, "count": count} for value, count in tally.results],
        "counted": tally.counted,
        "planned": tally.planned,
        "discarded": tally.discarded,
        "agreement": tally.agreement,
        "margin": tally.margin,
        "stands": tally.stands or 0,
        **({} if tally.panel is None else {"panel": _said(tally.panel)}),
    }


def _said(panel: Panel) -> Json:
    return [
        {"item": item, "counts": [{"answer": value, "count": count} for _, value, count in said]}
        for item, said in zip(panel.items, panel.said, strict=True)
    ]
