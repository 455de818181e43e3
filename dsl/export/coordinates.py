"""The positions of boxes in their layers, and of the lines between them.

The lines are as straight as the room allows.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..records import dataclass
from .layering import Arc, Box, LayerCell, Layers, Link, layered

_ROUNDS = 8
_MANY_CELLS = 10_000
_SPREAD = 16.0
_MARGIN = 12.0
_TITLE_LEFT = 40.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps between boxes of a layer, between layers, and behind a first layer that has only ``edge`` boxes."""

    across: float = 24.0
    along: float = 34.0
    entry: float = 20.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a link, given by the positions of both its ends. Both ends point along the picture."""

    group: Hashable
    along: float
    across: float
    to_along: float
    to_across: float


@dataclass(frozen=True, slots=True)
class Title:
    """A text in the first layer. The links of that layer pass it on one side."""

    along: float
    across: float


@dataclass(frozen=True, slots=True)
class Arranged:
    """The result of an arrangement.

    ``places`` are the positions, along and across, of the first corners of the boxes. ``ends`` are the positions at
    which links arrive, by the index of the link. ``title`` is the position across at which the title begins.
    """

    along: float
    across: float
    places: list[tuple[float, float]]
    lines: list[Segment]
    ends: dict[int, tuple[float, float]]
    title: float = 0.0


def arrange(
    boxes: Sequence[Box], links: Sequence[Link], gaps: Gaps, title: Title | None = None, least: float = 0.0
) -> Arranged:
    """Arrange boxes and links. ``least`` is the smallest size along that the result may have."""
    layers = layered(boxes, links)
    xs = _across(layers, gaps)
    named = 0.0 if title is None else _title_place(layers, xs, title, gaps.across)
    low = min([*xs.values(), *([] if title is None else [named])], default=0.0)
    xs, named = {cell: x - low for cell, x in xs.items()}, named - low
    tops, bottoms = _along(layers, boxes, xs, gaps, title.along if title is not None else 0.0, least)
    places = []
    for cell, box in zip(layers.cells, boxes, strict=False):
        spare = bottoms[cell.layer] - tops[cell.layer] - box.along
        # An edge across the frame begins or ends at the frame, however high the title is.
        places.append((tops[cell.layer] + (0.0 if box.edge else spare / 2), xs[cell]))
    lines: list[Segment] = []
    ends: dict[int, tuple[float, float]] = {}
    arrivals = _arrivals(layers, xs)
    for arc in layers.arcs:
        x1, x2 = _leaving(arc, xs), arrivals[arc]
        y1, y2 = bottoms[arc.above.layer], tops[arc.below.layer]
        if arc.above.box is not None:
            begin = places[arc.above.box][0] + boxes[arc.above.box].along
            lines.append(Segment(arc.group, begin, x1, y1, x1))
        lines.append(Segment(arc.group, y1, x1, y2, x2))
        finish = bottoms[arc.below.layer] if arc.below.box is None else places[arc.below.box][0]
        lines.append(Segment(arc.group, y2, x2, finish, x2))
        ends.update((link, (finish, x2)) for link in arc.links)
    for place in layers.straight:
        link = links[place]
        start, end = layers.cells[link.start], layers.cells[link.end]
        begin = places[link.start][0] + boxes[link.start].along
        finish = places[link.end][0]
        x1 = xs[start] + (start.across / 2 if link.leaves is None else link.leaves)
        x2 = xs[end] + (end.across / 2 if link.arrives is None else link.arrives)
        lines.append(Segment(link.group, begin, x1, finish, x2))
        ends[place] = finish, x2
    width = max((xs[cell] + cell.across for cell in layers.cells), default=0.0)
    width = width if title is None else max(width, named + title.across)
    kept = [line for line in dict.fromkeys(lines) if (line.along, line.across) != (line.to_along, line.to_across)]
    return Arranged(bottoms[-1] if bottoms else 0.0, width, places, kept, ends, named)


def _along(
    layers: Layers, boxes: Sequence[Box], xs: dict[LayerCell, float], gaps: Gaps, header: float, least: float
) -> tuple[list[float], list[float]]:
    tops: list[float] = []
    bottoms: list[float] = []
    at = 0.0
    for number, row in enumerate(layers.rows):
        tops.append(at)
        deep = max((boxes[cell.box].along for cell in row if cell.box is not None), default=0.0)
        deep = deep if number else max(deep, header)
        bottoms.append(at + deep)
        if number == len(layers.rows) - 1:
            break
        first = number == 0 and all(cell.box is None or boxes[cell.box].edge for cell in row)
        last = number == len(layers.rows) - 2 and all(
            cell.box is not None and boxes[cell.box].edge for cell in layers.rows[-1]
        )
        bend = max((abs(_leaving(arc, xs) - _middle_of(arc.below, xs)) for cell in row for arc in cell.down), default=0)
        # A link that goes far to the side needs room, or it looks like a rule between the layers.
        room = gaps.entry if first or last else gaps.along
        at = bottoms[-1] + room + min(bend * 0.05, gaps.along)
    if tops and tops[-1] < least:
        tops[-1] = max(tops[-1], least - (bottoms[-1] - tops[-1]))
        bottoms[-1] = max(bottoms[-1], least)
    return tops, bottoms


def _across(layers: Layers, gaps: Gaps) -> dict[LayerCell, float]:
    xs: dict[LayerCell, float] = {}
    for row in layers.rows:
        at = 0.0
        for cell in row:
            xs[cell] = at
            at += cell.across + gaps.across
    rounds = _ROUNDS if len(layers.cells) < _MANY_CELLS else 3
    for turn in range(rounds):
        down = turn % 2 == 1
        for row in layers.rows if down else reversed(layers.rows):
            _settle(row, xs, gaps, down)
    return xs


def _title_place(layers: Layers, xs: dict[LayerCell, float], title: Title, gap: float) -> float:
    """Return the position of a title: at the left, or behind all entering links. The choice keeps the frame narrow."""
    low = min(xs.values(), default=0.0)
    high = max((xs[cell] + cell.across for cell in layers.cells), default=0.0)
    entering = [xs[cell] for cell in layers.rows[0]] if layers.rows else []
    if not entering:
        return low
    left, right = min(entering) - gap - title.across, max(entering) + gap
    # Readers expect a title at the left. Another place must save much space.
    return min(left, low) if low - left <= max(right + title.across - high, 0.0) + _TITLE_LEFT else right


def _settle(row: list[LayerCell], xs: dict[LayerCell, float], gaps: Gaps, down: bool) -> None:
    """Move the cells of a row as close to their wished positions as their order allows.

    Cells that are in each other's way are joined into groups. For the given order, this gives the least sum of squares.
    """
    groups: list[tuple[float, float, int]] = []
    offsets = []
    offset = 0.0
    for number, cell in enumerate(row):
        if number:
            offset += row[number - 1].across + _between(row[number - 1], cell, gaps)
        offsets.append(offset)
        wish, weight = _wish(cell, xs, down)
        total, mass, count = (wish - offset) * weight, weight, 1
        while groups and groups[-1][0] / groups[-1][1] > total / mass:
            before = groups.pop()
            total, mass, count = total + before[0], mass + before[1], count + before[2]
        groups.append((total, mass, count))
    number = 0
    for total, mass, count in groups:
        for cell in row[number : number + count]:
            xs[cell] = total / mass + offsets[number]
            number += 1


def _between(left: LayerCell, right: LayerCell, gaps: Gaps) -> float:
    lanes = (left.box is None) + (right.box is None)
    return gaps.across * (1.0, 0.5, 0.0)[lanes]


def _wish(cell: LayerCell, xs: dict[LayerCell, float], down: bool) -> tuple[float, float]:
    """Return the position that a cell prefers, and the weight of this wish. Only its strongest links count."""
    strongest, total, count = 0, 0.0, 0
    for arc in cell.up if down else cell.down:
        strength = (2, 1, 3)[(arc.above.box is None) + (arc.below.box is None)]
        if strength < strongest:
            continue
        if strength > strongest:
            strongest, total, count = strength, 0.0, 0
        other = _leaving(arc, xs) if down else _arriving(arc, xs)
        own = arc.arrives if down else arc.leaves
        total += other - (cell.across / 2 if own is None else own)
        count += 1
    return (total / count, float(strongest**2)) if count else (xs[cell], 0.05)


def _leaving(arc: Arc, xs: dict[LayerCell, float]) -> float:
    return xs[arc.above] + (arc.above.across / 2 if arc.leaves is None else arc.leaves)


def _arriving(arc: Arc, xs: dict[LayerCell, float]) -> float:
    return xs[arc.below] + (arc.below.across / 2 if arc.arrives is None else arc.arrives)


def _middle_of(cell: LayerCell, xs: dict[LayerCell, float]) -> float:
    return xs[cell] + cell.across / 2


def _arrivals(layers: Layers, xs: dict[LayerCell, float]) -> dict[Arc, float]:
    """Return the position at which each arc ends.

    The arcs to one box end side by side. An arc that runs straight ends in the middle.
    """
    found: dict[Arc, float] = {}
    for cell in layers.cells:
        free = sorted((arc for arc in cell.up if arc.arrives is None), key=lambda arc: _leaving(arc, xs))
        found.update((arc, _arriving(arc, xs)) for arc in cell.up if arc.arrives is not None)
        if not free:
            continue
        middle = _middle_of(cell, xs)
        anchor = min(range(len(free)), key=lambda place: abs(_leaving(free[place], xs) - middle))
        centre = float(anchor) if abs(_leaving(free[anchor], xs) - middle) < 2 else (len(free) - 1) / 2
        widest = max(centre, len(free) - 1 - centre)
        step = min(_SPREAD, max(cell.across / 2 - _MARGIN, 0.0) / widest) if widest else 0.0
        found.update((arc, middle + (place - centre) * step) for place, arc in enumerate(free))
    return found
