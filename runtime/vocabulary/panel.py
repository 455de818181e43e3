"""The part of a tally that tells who said what in a panel: the items, and the ballots of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .json_value import Json
from .quoting import sentence
from .tally import Panel, Tally, in_words

LONGEST = 40
"""The most characters of an item's short name."""
SHORT = 100
"""The most characters of the line that tells who said what. A longer one is left out of short reports."""


def panel_of(items: Sequence[str], ballots: Sequence[tuple[int, str, Json, Json]]) -> Panel:
    """Make the account of a panel. A ballot has its place, the key of its answer, its answer and its whole result.

    The answers of an item stand in the order of their votes, and then in the order of their first samples.
    """
    found: list[dict[str, list[Json]]] = [{} for _ in items]
    for place, key, answer, value in sorted(ballots, key=lambda one: one[0]):
        found[place % len(items)].setdefault(key, [answer, value, 0])[2] += 1
    each = (sorted(said.values(), key=lambda one: -one[2]) for said in found)
    return Panel(tuple(items), tuple(tuple((one[0], one[1], one[2]) for one in said) for said in each))


def item_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return short names of items that differ. A name that is taken gets a number, an empty one its place."""
    made: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        short = again = sentence(name, LONGEST) or f"item {place}"
        while again in made:
            made[short] += 1
            again = f"{short} ({made[short]})"
        made[again] = 1
    return tuple(made)


def panel_json(tally: Tally) -> dict[str, Json]:
    """Return the field `panel` of a tally as JSON; no field for a vote that is no panel."""
    panel = tally.panel
    if panel is None:
        return {}
    return {
        "panel": [
            {"item": item, "ballots": [{"answer": answer, "count": count} for answer, _, count in said]}
            for item, said in zip(panel.items, panel.said, strict=True)
        ]
    }


def panel_lines(tally: Tally) -> Iterator[str]:
    """Yield a line for each item, as in `small: yes 2, no 1`. Nothing for a vote that is no panel."""
    panel = tally.panel
    for item, said in () if panel is None else zip(panel.items, panel.said, strict=True):
        words = ", ".join(f"{sentence(in_words(answer), LONGEST)} {count}" for answer, _, count in said[:3])
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        yield f"{item}: {words}{more}" if said else f"{item}: no ballot"


def panel_text(tally: Tally, most: int) -> str:
    """Tell who said what on one line. "" for a vote that is no panel, and for a line of more than ``most``."""
    text = "; ".join(panel_lines(tally))
    return text if len(text) <= most else ""
