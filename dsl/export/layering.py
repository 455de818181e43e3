"""The placing of boxes in layers. Every link leads to a later layer, and the order in each layer keeps crossings few.

The method is that of Sugiyama, Tagawa and Toda (1981). A link that spans several layers gets a lane of its own through
them, so that it crosses no box. This module knows nothing about flows or pixels. `along` is the direction in which
links lead, and `across` is at right angles to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import field
from typing import Literal

from ..graph import topological
from ..records import dataclass

LANE = 12.0
# Lanes cost time, and a picture with so many is unreadable anyway. Beyond this number, long links run straight.
_MOST_LANES = 20_000
_ROUNDS = 6
_MANY_LINKS = 30_000


@dataclass(frozen=True, slots=True)
class Box:
    """A box with its size. An ``edge`` box is in the first or the last layer, which has only such boxes."""

    along: float
    across: float
    edge: Literal["first", "last"] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link from one box to another. ``start`` and ``end`` are the indexes of the boxes.

    Links of one ``group`` share a lane.

    ``leaves`` and ``arrives`` are the positions across the box at which the link must begin and end. If they are None,
    any position will do, and the middle is best.
    """

    start: int
    end: int
    group: Hashable
    leaves: float | None = None
    arrives: float | None = None


@dataclass(eq=False, slots=True)
class LayerCell:
    """A cell of a layer: a box, or a piece of a lane."""

    layer: int
    across: float
    box: int | None = None
    down: list[Arc] = field(default_factory=list)
    up: list[Arc] = field(default_factory=list)
    order: int = 0


@dataclass(eq=False, slots=True)
class Arc:
    """A piece of one or more links, from a cell to a cell in the next layer.

    ``links`` are the links that end with this piece.
    """

    above: LayerCell
    below: LayerCell
    group: Hashable
    leaves: float | None
    arrives: float | None
    links: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Layers:
    """The boxes of a picture in layers.

    ``cells`` begins with the cells of the boxes. ``straight`` holds the indexes of the links that are drawn without a
    lane.
    """

    rows: list[list[LayerCell]]
    cells: list[LayerCell]
    arcs: list[Arc]
    straight: list[int]


def layered(boxes: Sequence[Box], links: Sequence[Link]) -> Layers:
    ranks = _ranks(boxes, links)
    cells = [LayerCell(rank, box.across, place) for place, (box, rank) in enumerate(zip(boxes, ranks, strict=True))]
    arcs, straight = _arcs(cells, links)
    lanes = [arc.below for arc in arcs if arc.below.box is None]
    rows: list[list[LayerCell]] = [[] for _ in range(max(ranks, default=0) + 1)]
    for cell in [*cells, *lanes]:
        rows[cell.layer].append(cell)
    for row in rows:
        _number(row)
    _order(rows, arcs)
    return Layers(rows, [*cells, *lanes], arcs, straight)


def _ranks(boxes: Sequence[Box], links: Sequence[Link]) -> list[int]:
    """Return the layer of each box. It is behind every box that leads to it.

    A box without such boxes is close to its target.
    """
    before: dict[int, list[int]] = {place: [] for place in range(len(boxes))}
    behind: dict[int, list[int]] = {place: [] for place in range(len(boxes))}
    for link in links:
        before[link.end].append(link.start)
        behind[link.start].append(link.end)
    order, circle = topological(before)
    ranks = [1] * len(boxes)
    for place in [*order, *sorted(circle)]:
        if boxes[place].edge == "first":
            ranks[place] = 0
        else:
            ranks[place] = max((ranks[other] + 1 for other in before[place]), default=1)
    for place in order:
        if boxes[place].edge is None and not before[place] and behind[place]:
            ranks[place] = max(1, min(ranks[other] for other in behind[place]) - 1)
    last = max((rank for rank, box in zip(ranks, boxes, strict=True) if box.edge != "last"), default=0) + 1
    return [last if box.edge == "last" else rank for rank, box in zip(ranks, boxes, strict=True)]


def _arcs(cells: list[LayerCell], links: Sequence[Link]) -> tuple[list[Arc], list[int]]:
    longest = _longest_lane(cells, links)
    arcs: list[Arc] = []
    lanes: dict[tuple[int, Hashable], list[LayerCell]] = defaultdict(list)
    straight = []
    for place, link in enumerate(links):
        start, end = cells[link.start], cells[link.end]
        if not 1 <= end.layer - start.layer <= longest:
            straight.append(place)
            continue
        lane = lanes[link.start, link.group]
        passed = end.layer - start.layer - 1
        while len(lane) < passed:
            above, leaves = (lane[-1], LANE / 2) if lane else (start, link.leaves)
            lane.append(LayerCell(above.layer + 1, LANE))
            arcs.append(_joined(above, lane[-1], link, leaves, LANE / 2))
        above, leaves = (lane[passed - 1], LANE / 2) if passed else (start, link.leaves)
        arcs.append(_joined(above, end, link, leaves, link.arrives))
        arcs[-1].links.append(place)
    return arcs, straight


def _joined(above: LayerCell, below: LayerCell, link: Link, leaves: float | None, arrives: float | None) -> Arc:
    arc = Arc(above, below, link.group, leaves, arrives)
    above.down.append(arc)
    below.up.append(arc)
    return arc


def _longest_lane(cells: list[LayerCell], links: Sequence[Link]) -> int:
    """Return the greatest number of layers that a lane may span, so that the picture has not too many lanes."""
    lanes: dict[tuple[int, Hashable], int] = defaultdict(int)
    for link in links:
        key = link.start, link.group
        lanes[key] = max(lanes[key], cells[link.end].layer - cells[link.start].layer)
    total, longest = 0, 1
    for span in sorted(lanes.values()):
        total += span - 1
        if total > _MOST_LANES:
            return max(longest, 1)
        longest = max(longest, span)
    return longest


def _order(rows: list[list[LayerCell]], arcs: list[Arc]) -> None:
    """Sort the cells of each row by the positions of their neighbours, downwards and upwards in turn.

    Keep the order with the fewest crossings.
    """
    best = [list(row) for row in rows]
    fewest = _crossings(rows)
    for turn in range(_ROUNDS if len(arcs) < _MANY_LINKS else 2):
        if not fewest:
            break
        down = turn % 2 == 0
        for row in rows if down else reversed(rows):
            keys = {cell: _middle(cell, down) for cell in row}
            row.sort(key=keys.__getitem__)
            _number(row)
        crossings = _crossings(rows)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in rows]
    for row, kept in zip(rows, best, strict=True):
        row[:] = kept
        _number(row)


def _number(row: list[LayerCell]) -> None:
    for order, cell in enumerate(row):
        cell.order = order


def _middle(cell: LayerCell, down: bool) -> float:
    if down:
        places = [arc.above.order + _part(arc.leaves, arc.above) for arc in cell.up]
    else:
        places = [arc.below.order + _part(arc.arrives, arc.below) for arc in cell.down]
    return sum(places) / len(places) if places else cell.order + 0.5


def _part(at: float | None, cell: LayerCell) -> float:
    return 0.5 if at is None or not cell.across else at / cell.across


def _crossings(rows: list[list[LayerCell]]) -> int:
    """Count the pairs of links that cross. The method counts the inversions between each two neighbouring rows."""
    total = 0
    for row in rows:
        ends = [
            (arc.below.order + _part(arc.arrives, arc.below))
            for cell in row
            for arc in sorted(
                cell.down,
                key=lambda arc: (_part(arc.leaves, arc.above), arc.below.order + _part(arc.arrives, arc.below)),
            )
        ]
        total += _inversions(ends)
    return total


def _inversions(values: list[float]) -> int:
    ranks = {value: rank for rank, value in enumerate(sorted(set(values)), 1)}
    counts = [0] * (len(ranks) + 1)
    total = 0
    for seen, value in enumerate(values):
        rank, not_above = ranks[value], 0
        place = rank
        while place:
            not_above += counts[place]
            place &= place - 1
        total += seen - not_above
        while rank < len(counts):
            counts[rank] += 1
            rank += rank & -rank
    return total
