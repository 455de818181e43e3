"""The outcome of a vote as a record that flows read: `votes(x)`."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import types

from ..vocabulary.classes import classes_json
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Panel, Tally

_CLASSES = types.Record(
    (
        types.Field("wordings", types.ListOf(types.INT)),
        *(types.Field(name, types.INT) for name in ("questions", "failed", "asymmetric", "intransitive")),
    )
)
"""The type of the account of compared answers."""


def votes_type(given: Mapping[str, types.Type]) -> types.Type:
    """Return the type of ``votes(x)``.

    ``given`` has the type of the vote, of the items if it is a panel, and ``same`` if it compares its answers.
    """
    answer = types.unwrapped(given.get("of", types.UNKNOWN))
    counts = types.ListOf(types.Record((types.Field("answer", answer), types.Field("count", types.NUMBER))))
    # The tally of a panel also tells who said what.
    item = types.Record((types.Field("item", types.TEXT), types.Field("counts", counts)))
    more: list[tuple[str, types.Type]] = [("panel", types.ListOf(item))] if "over" in given else []
    if "same" in given:
        more.append(("classes", _CLASSES))
    if isinstance(given.get("of"), types.Optional):
        more = [(name, types.Optional(type_)) for name, type_ in more]
    return types.Record(
        (
            types.Field("winner", types.Optional(answer)),
            types.Field("counts", counts),
            types.Field("counted", types.INT),
            types.Field("planned", types.INT),
            types.Field("discarded", types.INT),
            types.Field("agreement", types.NUMBER),
            types.Field("margin", types.NUMBER),
            types.Field("stands", types.Optional(types.INT) if "same" in given else types.INT),
            *(types.Field(name, type_) for name, type_ in more),
        ),
        ("Compared" if "same" in given else "") + ("PanelVotes" if "over" in given else "Votes"),
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
        # A vote that compares its answers cannot tell.
        "stands": None if tally.classes is not None else tally.stands or 0,
        **({} if tally.panel is None else {"panel": _said(tally.panel)}),
        **({} if tally.classes is None else {"classes": classes_json(tally.classes)}),
    }


def _said(panel: Panel) -> Json:
    return [
        {"item": item, "counts": [{"answer": value, "count": count} for _, value, count in said]}
        for item, said in zip(panel.items, panel.said, strict=True)
    ]
