"""The graph of a flow for the page of a run: its drawing, and the names under which paths lead to its boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from flowrun.dsl import picture_of, to_page_svg
from flowrun.dsl import plan as p

from ..catalog import catalog
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
    """Yield the paths of unnamed steps by their kind and order, and those of the drawing, by their line.

    A called flow without unnamed steps adds none, and no flow is followed into itself.
    """
    todo: list[tuple[tuple[p.Step, ...], str, str, tuple[str, ...]]] = [(plan.steps, "", "", ())]
    while todo:
        steps, alias, path, within = todo.pop()
        kinds: Counter[str] = Counter()
        for step in steps:
            name = step.title
            if step.name.startswith("#"):
                kinds[step.node.kind] += 1
                count = kinds[step.node.kind]
                name = step.node.kind + (str(count) if count > 1 else "")
            if alias + name != path + step.title:
                yield alias + name, path + step.title
            inner = (f"{alias}{name}.", f"{path}{step.title}.")
            if step.block is not None:
                todo.append((step.block.steps, *inner, within))
            elif isinstance(step.node, p.FlowCall) and step.node.flow not in within:
                flow = plan.flows.get(step.node.flow)
                if flow is not None and len(within) < _DEEPEST:
                    todo.append((flow.steps, *inner, (*within, step.node.flow)))
