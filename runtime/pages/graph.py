"""The graph of a flow for the page of a run: its drawing, and the names under which paths lead to its boxes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flowrun.dsl import picture_of, to_page_svg
from flowrun.dsl import plan as p

from ..catalog import catalog
from ..plans.step_paths import StepNode, step_nodes
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord

_DEEPEST = 3
"""Called flows within called flows are drawn as single boxes below this depth."""
_LARGE = 200_000
"""The characters from which one drawing is enough, so that the page stays small."""
_MOST = 3000
"""Nobody reads more boxes in one drawing."""


def graph_html(record: RunRecord, *, texts: bool = True) -> str:
    """Draw the flow of a run as SVG, into which the page's script writes the figures.

    There are two drawings, for wide and for narrow screens, unless they are the same or large. All text in them is
    escaped. Without ``texts`` they have only the names and the kinds of steps.
    """
    picture = picture_of(record.plan, catalog().functions)
    wide = to_page_svg(picture, texts=texts)
    narrow = to_page_svg(picture, texts=texts, narrow=True) if len(wide) < _LARGE else wide
    if narrow == wide:
        return wide
    return f'<div class="on-wide">{wide}</div><div class="on-narrow">{narrow}</div>'


def graph_data(record: RunRecord) -> dict[str, Json]:
    """Return the data of the graph. ``aliases`` lead from ``legal.ask2`` to ``legal.line 7`` of the drawing."""
    return {"aliases": dict(islice(_aliases(record.plan), _MOST))}


def _aliases(plan: p.Plan) -> Iterator[tuple[str, str]]:
    """Yield the paths of unnamed steps as they are printed, and those of the drawing, by their line.

    A called flow without unnamed steps adds none, and no flow is followed into itself.
    """
    todo: list[tuple[tuple[StepNode, ...], str, str, tuple[str, ...]]] = [(step_nodes(plan.steps), "", "", ())]
    while todo:
        nodes, alias, path, within = todo.pop()
        for node in nodes:
            drawn = node.alias or node.name
            if alias + node.name != path + drawn:
                yield alias + node.name, path + drawn
            inner = (f"{alias}{node.name}.", f"{path}{drawn}.")
            called = node.step.node.flow if node.step and isinstance(node.step.node, p.FlowCall) else ""
            if not called:
                todo.append((node.inside(plan), *inner, within))
            elif called not in within and called in plan.flows and len(within) < _DEEPEST:
                todo.append((node.inside(plan), *inner, (*within, called)))
