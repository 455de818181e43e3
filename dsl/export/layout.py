"""The layout of a picture: the positions of its boxes and lines. Inner clusters are laid out before outer ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from itertools import pairwise
from typing import Literal

from ..records import dataclass
from .coordinates import Arranged, Gaps, Segment, Title, arrange
from .label_sizes import PADDING, node_size, title_width
from .layering import Box, Link
from .picture import Cluster, Edge, Node, Part, Picture, Style

_FRAME = 16.0
_HEADER = 26.0
_GAPS = {"TB": Gaps(across=24.0, along=32.0, entry=16.0), "LR": Gaps(across=16.0, along=44.0, entry=20.0)}
# A page is higher than it is wide.
_PAGE = 900.0, 1200.0
# Nobody reads more boxes than this on one page, so the shape of the page does not matter.
_MANY_PARTS = 2000

Direction = Literal["TB", "LR"]
Route = tuple[str, Style]


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line on the page. It is straight, or it bends so that both its ends point in the direction of the picture."""

    x: float
    y: float
    to_x: float
    to_y: float


@dataclass(slots=True)
class Layout:
    """The positions and sizes in a picture, in pixels.

    ``strokes`` and the ``heads`` of arrows are listed by their route. Several edges may share strokes.
    """

    direction: Direction
    width: float = 0.0
    height: float = 0.0
    rects: dict[str, Rect] = field(default_factory=dict)
    strokes: dict[Route, list[Stroke]] = field(default_factory=lambda: defaultdict(list))
    heads: dict[Route, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    # Where the titles of clusters begin, across the page.
    titles: dict[str, float] = field(default_factory=dict)


def lay_out(picture: Picture, page: tuple[float, float] = _PAGE) -> Layout:
    """Lay out a picture from top to bottom or from left to right, whichever is easier to read on one page.

    ``page`` is the width and the height of the page in pixels.
    """
    wide, high = page
    down = _Engine(picture, "TB").layout()
    if (down.width <= wide and down.height <= high) or len(down.rects) > _MANY_PARTS:
        return down
    right = _Engine(picture, "LR").layout()
    return min(down, right, key=lambda layout: max(layout.width / wide, layout.height / high))


@dataclass(slots=True)
class _Level:
    """A cluster: its parts, which are laid out together, and the points where edges cross its frame.

    Such a crossing point is a box without size. All edges that come from the same node share it.
    """

    parts: tuple[Part, ...]
    places: dict[str, int]
    entries: dict[Route, int] = field(default_factory=dict)
    exits: dict[Route, int] = field(default_factory=dict)
    # A link with the route that it is a part of, and whether it ends with an arrow.
    links: dict[tuple[int, int, Route], bool] = field(default_factory=dict)
    count: int = 0
    arranged: Arranged | None = None

    def entry(self, route: Route) -> int:
        if route not in self.entries:
            self.entries[route] = self.count
            self.count += 1
        return self.entries[route]

    def exit(self, route: Route) -> int:
        if route not in self.exits:
            self.exits[route] = self.count
            self.count += 1
        return self.exits[route]

    def link(self, start: int, end: int, route: Route, *, head: bool) -> None:
        self.links[start, end, route] = head or self.links.get((start, end, route), False)


class _Engine:
    def __init__(self, picture: Picture, direction: Direction) -> None:
        self.picture = picture
        self.direction = direction
        self.gaps = _GAPS[direction]
        self.levels: dict[str, _Level] = {}
        self.around: dict[str, str] = {}
        self.clusters: list[Cluster] = [part for part in picture.walk() if isinstance(part, Cluster)]
        self.level("", picture.parts)
        for cluster in self.clusters:
            self.level(cluster.id, cluster.inside)
        for edge in picture.edges:
            self.edge(edge)

    def level(self, id_: str, parts: tuple[Part, ...]) -> None:
        self.levels[id_] = _Level(parts, {part.id: place for place, part in enumerate(parts)}, count=len(parts))
        for part in parts:
            self.around[part.id] = id_

    def frames(self, id_: str) -> list[str]:
        """Return the clusters around a part, the outermost first."""
        found = [self.around[id_]]
        while found[-1]:
            found.append(self.around[found[-1]])
        return found[::-1]

    def edge(self, edge: Edge) -> None:
        """Cut an edge into links at the frames that it crosses, one link for each level."""
        route = edge.start, edge.style
        out, into = self.frames(edge.start), self.frames(edge.end)
        shared = sum(1 for a, b in zip(out, into, strict=False) if a == b)
        # Levels and frames of both sides that the edge passes, from its start to its end.
        leaving, entering = [*out[shared:], edge.start], [*into[shared:], edge.end]
        for frame, part in pairwise(leaving):
            level = self.levels[frame]
            level.link(level.places[part], level.exit(route), route, head=False)
        common = self.levels[out[shared - 1]]
        head = len(entering) == 1
        common.link(common.places[leaving[0]], common.places[entering[0]], route, head=head)
        for place, (frame, part) in enumerate(pairwise(entering), 2):
            level = self.levels[frame]
            level.link(level.entry(route), level.places[part], route, head=place == len(entering))

    def layout(self) -> Layout:
        for cluster in reversed(self.clusters):
            self.arrange(cluster.id, cluster)
        top = self.arrange("", None)
        layout = Layout(self.direction)
        origins = {"": (_FRAME, _FRAME)}
        for id_ in ("", *(cluster.id for cluster in self.clusters)):
            self.place(layout, self.levels[id_], origins.pop(id_), origins)
        layout.width, layout.height = self.turned(top.along + 2 * _FRAME, top.across + 2 * _FRAME)
        return layout

    def arrange(self, id_: str, cluster: Cluster | None) -> Arranged:
        """Lay out a level. The clusters in it have to be laid out already."""
        level = self.levels[id_]
        boxes = []
        for part in level.parts:
            along, across = self.size(part)
            boxes.append(Box(along, across))
        boxes += [Box(0, 0)] * (level.count - len(boxes))
        for place in level.entries.values():
            boxes[place] = Box(0, 0, "first")
        for place in level.exits.values():
            boxes[place] = Box(0, 0, "last")
        gaps, least, title = self.gaps, 0.0, None
        if cluster is None:
            gaps = Gaps(gaps.across, gaps.along, entry=0.0)
        elif self.direction == "TB":
            title = Title(_HEADER, title_width(cluster))
        else:
            least = title_width(cluster) + 2 * PADDING
        links = [
            Link(start, end, route, self.fixed(level, start, route, "exits"), self.fixed(level, end, route, "entries"))
            for start, end, route in level.links
        ]
        level.arranged = arrange(boxes, links, gaps, title, least)
        return level.arranged

    def size(self, part: Part) -> tuple[float, float]:
        """Return the size of a part, along and across."""
        if isinstance(part, Node):
            return self.turned(*node_size(part))
        level = self.levels[part.id]
        assert level.arranged is not None
        ahead, behind = self.margins()
        end = 0.0 if level.exits else _FRAME
        return level.arranged.along + end, ahead + level.arranged.across + behind

    def margins(self) -> tuple[float, float]:
        """Return the space inside a frame in the direction across: before its content and behind its content."""
        return (_HEADER, _FRAME) if self.direction == "LR" else (_FRAME, _FRAME)

    def fixed(self, level: _Level, place: int, route: Route, side: Literal["entries", "exits"]) -> float | None:
        """Return the position across a box at which a route must cross its frame. None if any position will do."""
        if place >= len(level.parts):
            return 0.0
        part = level.parts[place]
        if isinstance(part, Node):
            return None
        inner = self.levels[part.id]
        crossing = (inner.entries if side == "entries" else inner.exits).get(route)
        assert inner.arranged is not None
        return None if crossing is None else self.margins()[0] + inner.arranged.places[crossing][1]

    def turned(self, along: float, across: float) -> tuple[float, float]:
        """Turn a pair (along, across) into (width, height) or (x, y), for the direction of the picture."""
        return (across, along) if self.direction == "TB" else (along, across)

    def place(
        self, layout: Layout, level: _Level, origin: tuple[float, float], origins: dict[str, tuple[float, float]]
    ) -> None:
        arranged = level.arranged
        assert arranged is not None
        for part, place in zip(level.parts, arranged.places, strict=False):
            along, across = place[0] + origin[0], place[1] + origin[1]
            layout.rects[part.id] = Rect(*self.turned(along, across), *self.turned(*self.size(part)))
            if isinstance(part, Cluster):
                origins[part.id] = along, across + self.margins()[0]
                inner = self.levels[part.id].arranged
                begin = layout.rects[part.id].x + PADDING
                at = 0.0 if inner is None or self.direction == "LR" else inner.title
                layout.titles[part.id] = begin + (at + _FRAME - PADDING if at else 0.0)
        for line in arranged.lines:
            layout.strokes[line.group].append(self.stroke(line, origin))  # type: ignore[index]
        for number, ((_, _, route), head) in enumerate(level.links.items()):
            if head:
                along, across = arranged.ends[number]
                layout.heads[route].append(self.turned(along + origin[0], across + origin[1]))

    def stroke(self, line: Segment, origin: tuple[float, float]) -> Stroke:
        start = self.turned(line.along + origin[0], line.across + origin[1])
        return Stroke(*start, *self.turned(line.to_along + origin[0], line.to_across + origin[1]))
