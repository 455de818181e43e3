"""Pictures of plans, their parts by name, and what must hold of every picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree

from flowrun.dsl import Picture, Source, check_flow, make_plan, picture_of, to_dot, to_mermaid, to_svg
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.dsl.export.label_sizes import LINE_SIZE, TITLE_SIZE, title_width
from flowrun.dsl.export.layout import Layout, Rect, Stroke, lay_out
from flowrun.dsl.export.picture import Cluster, Node
from flowrun.dsl.export.text_widths import text_width
from flowrun.runtime.catalog import catalog
from support.picture_readers import read_dot, read_mermaid

SVG = "{http://www.w3.org/2000/svg}"


def pictured(text: str, flow: str | None = None) -> Picture:
    world = catalog()
    return picture_of(make_plan(check_flow(Source(text), world), flow), world.functions)


def nodes(picture: Picture) -> list[Node]:
    return [part for part in picture.walk() if isinstance(part, Node)]


def clusters(picture: Picture) -> list[Cluster]:
    return [part for part in picture.walk() if isinstance(part, Cluster)]


def called(part: Node | Cluster) -> str:
    if isinstance(part, Cluster):
        return part.name or part.what
    return part.title or part.lines[0]


def edges(picture: Picture) -> set[tuple[str, str, str]]:
    names = {part.id: called(part) for part in picture.walk()}
    return {(names[edge.start], names[edge.end], edge.style) for edge in picture.edges}


def ask(name: str, prompt: str, *needs: str) -> p.Step:
    return p.Step(name, needs, p.Ask(None, (p.Message("user", prompt),), t.TEXT), t.TEXT)


def program(steps: list[p.Step], result: p.Expr, **more: object) -> p.Plan:
    params = (p.Param("x", t.TEXT, None, True),)
    return p.Plan("f", "f.flow", params, (), tuple(steps), result, t.TEXT, **more)  # type: ignore[arg-type]


def holds(picture: Picture) -> None:
    """Ids are unique, edges lead somewhere, and all three languages say the same."""
    ids = [part.id for part in picture.walk()]
    assert len(ids) == len(set(ids))
    ends = {(edge.start, edge.end) for edge in picture.edges}
    assert {end for pair in ends for end in pair} <= set(ids)
    layout = lay_out(picture)
    _boxes_hold(picture, layout)
    _lines_hold(picture, layout)
    _svg_holds(picture)
    dot, mermaid = read_dot(to_dot(picture)), read_mermaid(to_mermaid(picture))
    boxes = {node.id: tuple(line for line in (node.title, *node.lines) if line) for node in nodes(picture)}
    assert dot.labels == mermaid.labels == boxes
    assert dot.around == mermaid.around
    assert mermaid.edges == {(edge.start, edge.end, edge.style) for edge in picture.edges}
    assert {(start, end) for start, end, _ in dot.edges} == ends


def _inside(inner: Rect, outer: Rect) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.right <= outer.right + 1e-6
        and inner.bottom <= outer.bottom + 1e-6
    )


def _apart(a: Rect, b: Rect) -> bool:
    return a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y


def _boxes_hold(picture: Picture, layout: Layout) -> None:
    page = Rect(0, 0, layout.width, layout.height)
    for parts, frame in [(picture.parts, page), *((c.inside, layout.rects[c.id]) for c in clusters(picture))]:
        assert all(_inside(layout.rects[part.id], frame) for part in parts)
        assert all(_apart(layout.rects[a.id], layout.rects[b.id]) for a, b in combinations(parts, 2))


def _points(stroke: Stroke, direction: str) -> Iterator[tuple[float, float]]:
    """Points on a line as it is drawn: a cubic Bézier curve whose control points lie half way along."""
    for step in range(1, 20):
        s = step / 20
        even, late = s * s * (3 - 2 * s), 1.5 * s * (1 - s) ** 2 + 1.5 * s * s * (1 - s) + s**3
        across, along = (even, late) if direction == "TB" else (late, even)
        yield stroke.x + (stroke.to_x - stroke.x) * across, stroke.y + (stroke.to_y - stroke.y) * along


def _title(cluster: Cluster, layout: Layout) -> Rect:
    frame, at = layout.rects[cluster.id], layout.titles[cluster.id]
    title = Rect(at, frame.y, title_width(cluster), 20)
    assert _inside(title, frame)
    return title


def _lines_hold(picture: Picture, layout: Layout) -> None:
    """Each edge begins at its node and ends with an arrow at its end, and no line crosses a node or a title."""
    for edge in picture.edges:
        start, end = layout.rects[edge.start], layout.rects[edge.end]
        route = edge.start, edge.style
        down = layout.direction == "TB"
        assert any((abs(s.y - start.bottom) if down else abs(s.x - start.right)) < 1e-6 for s in layout.strokes[route])
        arrows = layout.heads[route]
        assert any(
            abs(y - end.y) < 1e-6 and end.x <= x <= end.right
            if down
            else abs(x - end.x) < 1e-6 and end.y <= y <= end.bottom
            for x, y in arrows
        )
    rects = [layout.rects[node.id] for node in nodes(picture)]
    rects += [_title(cluster, layout) for cluster in clusters(picture)]
    for strokes in layout.strokes.values():
        for stroke in strokes:
            for x, y in _points(stroke, layout.direction):
                assert not any(r.x + 1 < x < r.right - 1 and r.y + 1 < y < r.bottom - 1 for r in rects)
    assert set(layout.strokes) == {(edge.start, edge.style) for edge in picture.edges}


def _svg_holds(picture: Picture) -> None:
    tree = ElementTree.fromstring(to_svg(picture))
    assert tree.get("role") == "img"
    assert tree.get("aria-label") is not None
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= set(
        "svg title desc style rect g path text".split()
    )
    boxes = [group for group in tree.findall(f"{SVG}g") if group.find(f"{SVG}rect") is not None]
    assert len(boxes) == len(nodes(picture))
    for group, node in zip(boxes, nodes(picture), strict=True):
        frame = group.find(f"{SVG}rect")
        assert frame is not None
        x, y, width, height = (float(frame.get(name, "")) for name in ("x", "y", "width", "height"))
        texts = group.findall(f"{SVG}text")
        assert [text.text for text in texts] == [line for line in (node.title, *node.lines) if line]
        assert (group.findtext(f"{SVG}title") or "") == node.tip
        for text in texts:
            bold = text.get("class") == "name"
            half = text_width(text.text or "", TITLE_SIZE if bold else LINE_SIZE, bold=bold) / 2
            middle, base = float(text.get("x", "")), float(text.get("y", ""))
            assert x <= middle - half
            assert middle + half <= x + width
            assert y + 8 < base < y + height - 2
