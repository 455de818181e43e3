"""The drawing of a plan as SVG, with flowrun's own layout.

It follows the reader's choice of a light or dark system, and each box has a tip that describes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .label_sizes import LINE_HEIGHT, LINE_SIZE, TITLE_GAP, TITLE_HEIGHT, TITLE_SIZE
from .layout import Layout, Rect, Route, Stroke, lay_out
from .picture import Cluster, Node, Part, Picture
from .text_widths import text_width
from .words import plain, short

_FONTS = "'Helvetica Neue', Helvetica, Arial, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif"
# Fill and border of each kind of box, for light and for dark.
_COLOURS = {
    "param": (("#e8eef7", "#5b7aa8"), ("#1d2b40", "#7f9fd0")),
    "return": (("#e8eef7", "#5b7aa8"), ("#1d2b40", "#7f9fd0")),
    "element": (("#f3eefb", "#8667b8"), ("#2c2340", "#a98bdb")),
    "ask": (("#fff4dd", "#b07d1a"), ("#3a2d12", "#d3a13c")),
    "value": (("#f4f5f6", "#7a8087"), ("#2b2f34", "#8f979f")),
    "extern": (("#f4f5f6", "#7a8087"), ("#2b2f34", "#8f979f")),
    "flow": (("#fff4dd", "#b07d1a"), ("#3a2d12", "#d3a13c")),
    "reduce": (("#e3f4e8", "#3f8f5c"), ("#17301f", "#5fb981")),
}
_ROUND = {"param": 14.0, "return": 14.0, "element": 14.0}
_PAPER = ("#ffffff", "#16181c")
_TEXT = ("#1c2024", "#e9ecef")
_FAINT = ("#4a5158", "#b4bcc4")
_LINE = ("#5d656d", "#a3abb3")
_CLUSTERS = (("#f9fafb", "#b6bdc4"), ("#1d2025", "#545c64"))
_NESTED = (("#f1f3f5", "#b6bdc4"), ("#262a30", "#545c64"))
_HEAD = 7.0
_FIGURE_LINES = 3
_LABEL = 100
# The part of a screen that the drawing of a run may take.
_SCREEN = 1200.0, 560.0
_TELEPHONE = 380.0, 20_000.0
# Escaped by hand, because the standard library's modules for XML also load those for HTTP.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def to_svg(picture: Picture) -> str:
    """Write the picture as one SVG file. The same picture always gives the same text."""
    layout = lay_out(picture)
    width, height = _number(layout.width), _number(layout.height)
    count = sum(isinstance(part, Node) for part in picture.walk())
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{_escaped(plain(picture.title))}">',
        f"<title>{_escaped(picture.title)}</title>",
        f"<desc>{count} boxes and {len(picture.edges)} edges: each edge leads from a step to a step that "
        "mentions it.</desc>",
        f"<style>{_style()}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    return "\n".join([*lines, *_drawn(picture, layout), "</svg>"]) + "\n"


def to_page_svg(picture: Picture, *, texts: bool = True, narrow: bool = False) -> str:
    """Write the picture as an SVG element for the page of a run, which brings the style.

    The frames and the boxes that send requests have the path of their step as ``data-step``, and take the focus. These
    boxes have room for figures. Without ``texts`` there are no expressions and prompts, only names and kinds.
    ``narrow`` is for a page on a telephone, which scrolls down.
    """
    picture = replace(picture, parts=tuple(_for_page(part, texts=texts) for part in picture.parts))
    layout = lay_out(picture, _TELEPHONE if narrow else _SCREEN)
    width, height = _number(layout.width), _number(layout.height)
    lines = [
        f'<svg class="flow" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="group" aria-label="{_escaped(short(picture.title, _LABEL))}">'
    ]
    return "\n".join([*lines, *_drawn(picture, layout, page=True), "</svg>"]) + "\n"


def _for_page(part: Part, *, texts: bool) -> Part:
    if isinstance(part, Cluster):
        inside = tuple(_for_page(one, texts=texts) for one in part.inside)
        part = replace(part, inside=inside)
        return part if texts else replace(part, what=part.kind, tip="")
    part = replace(part, room=_FIGURE_LINES) if part.calls else part
    return part if texts else replace(part, lines=(part.kind,), tip="")


def _drawn(picture: Picture, layout: Layout, *, page: bool = False) -> Iterator[str]:
    parts = list(picture.walk())
    names = {part.id: _named(part) for part in parts}
    depths = _depths(picture)
    for part in parts:
        if isinstance(part, Cluster):
            yield _frame(part, layout.rects[part.id], depths[part.id], _focus(part) if page else "")
    ends: dict[Route, list[str]] = {}
    for edge in picture.edges:
        ends.setdefault((edge.start, edge.style), []).append(names[edge.end])
    for route, strokes in layout.strokes.items():
        tip = f"{names[route[0]]} → {', '.join(ends[route][:20])}{' …' if len(ends[route]) > 20 else ''}"
        yield _edge(layout, route, strokes, tip)
    for part in parts:
        if isinstance(part, Node):
            yield _box(part, layout.rects[part.id], _focus(part) if page and part.calls else "")
    yield from (
        _title(part, layout.titles[part.id], layout.rects[part.id].y) for part in parts if isinstance(part, Cluster)
    )


def _style() -> str:
    light, dark = (_rules(side) for side in (0, 1))
    fixed = (
        f"text{{font-family:{_FONTS};font-size:{LINE_SIZE:g}px}}"
        f".name{{font-size:{TITLE_SIZE:g}px;font-weight:bold}}"
        ".edge{fill:none;stroke-width:1.3}.after{stroke-dasharray:5 4}.reduce-edge{stroke-width:2}"
        ".frame{stroke-width:1}.box{stroke-width:1.2}.twice{fill:none}"
    )
    return f"{fixed}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _rules(side: int) -> str:
    rules = [
        f".paper{{fill:{_PAPER[side]}}}",
        f"text{{fill:{_FAINT[side]}}}",
        f".name{{fill:{_TEXT[side]}}}",
        f".edge{{stroke:{_LINE[side]}}}",
        f".head{{fill:{_LINE[side]}}}",
    ]
    for name, colours in (("odd", _CLUSTERS), ("even", _NESTED), *_COLOURS.items()):
        fill, border = colours[side]
        rules.append(f".{name}{{fill:{fill};stroke:{border}}}")
    return "".join(rules)


def _depths(picture: Picture) -> dict[str, int]:
    depths: dict[str, int] = {}
    todo = [(part, 0) for part in picture.parts]
    while todo:
        part, depth = todo.pop()
        depths[part.id] = depth
        if isinstance(part, Cluster):
            todo.extend((inner, depth + 1) for inner in part.inside)
    return depths


def _named(part: Node | Cluster) -> str:
    if isinstance(part, Cluster):
        return plain(part.name or part.what)
    return plain(part.title or " ".join(part.lines))


def _focus(part: Part) -> str:
    """Return the attributes of a part that a reader of a page can choose."""
    return f' data-step="{_escaped(part.path)}" tabindex="0" role="button" aria-label="{_escaped(_named(part))}"'


def _frame(cluster: Cluster, rect: Rect, depth: int, focus: str) -> str:
    shade = "even" if depth % 2 else "odd"
    return f'<rect class="frame {shade}" {_corners(rect)} rx="8"{focus}><title>{_escaped(cluster.tip)}</title></rect>'


def _title(cluster: Cluster, x: float, top: float) -> str:
    name, what = cluster.name, cluster.what
    y = top + 17
    behind = x + (text_width(name, TITLE_SIZE, bold=True) + TITLE_GAP if name else 0.0)
    bold = f'<text class="name" x="{_number(x)}" y="{_number(y)}">{_escaped(name)}</text>' if name else ""
    return f'{bold}<text x="{_number(behind)}" y="{_number(y)}">{_escaped(what)}</text>'


def _box(node: Node, rect: Rect, focus: str) -> str:
    corner = _ROUND.get(node.kind, 4.0)
    lines = [(line, False) for line in node.lines]
    if node.title:
        lines.insert(0, (node.title, True))
    high = sum(TITLE_HEIGHT if bold else LINE_HEIGHT for _, bold in lines) + node.room * LINE_HEIGHT
    y = rect.y + (rect.height - high) / 2
    out = [
        f"<g{focus}><title>{_escaped(node.tip)}</title>"
        f'<rect class="box {node.kind}" {_corners(rect)} rx="{_number(corner)}"/>'
    ]
    if node.kind in ("flow", "extern"):
        inner = Rect(rect.x + 3, rect.y + 3, rect.width - 6, rect.height - 6)
        out.append(f'<rect class="{node.kind} twice" {_corners(inner)} rx="2"/>')
    for line, bold in lines:
        name = 'class="name" ' if bold else ""
        base = y + (13.5 if bold else 11.5)
        middle = rect.x + rect.width / 2
        out.append(
            f'<text {name}text-anchor="middle" x="{_number(middle)}" y="{_number(base)}">{_escaped(line)}</text>'
        )
        y += TITLE_HEIGHT if bold else LINE_HEIGHT
    return "".join([*out, "</g>"])


def _edge(layout: Layout, route: Route, strokes: list[Stroke], tip: str) -> str:
    style = {"mention": "edge", "after": "edge after", "reduce": "edge reduce-edge"}[route[1]]
    path = "".join(_path(layout, strokes))
    heads = "".join(_arrow(layout, x, y) for x, y in layout.heads[route])
    return f'<g><title>{_escaped(tip)}</title><path class="{style}" d="{path}"/><path class="head" d="{heads}"/></g>'


def _path(layout: Layout, strokes: list[Stroke]) -> Iterator[str]:
    """Write one path for all strokes of a route.

    It starts a new piece only if a stroke does not continue the one before.
    """
    at: tuple[str, str] | None = None
    for stroke in strokes:
        start, end = (_number(stroke.x), _number(stroke.y)), (_number(stroke.to_x), _number(stroke.to_y))
        if start == end:
            continue
        if start != at:
            yield f"M{start[0]} {start[1]}"
        at = end
        if start[0] == end[0]:
            yield f"V{end[1]}"
        elif start[1] == end[1]:
            yield f"H{end[0]}"
        elif layout.direction == "TB":
            half = _number((stroke.y + stroke.to_y) / 2)
            yield f"C{start[0]} {half} {end[0]} {half} {end[0]} {end[1]}"
        else:
            half = _number((stroke.x + stroke.to_x) / 2)
            yield f"C{half} {start[1]} {half} {end[1]} {end[0]} {end[1]}"


def _arrow(layout: Layout, x: float, y: float) -> str:
    half = _HEAD / 2
    if layout.direction == "TB":
        return f"M{_number(x)} {_number(y)}l{-half:g} {-_HEAD:g}h{_HEAD:g}z"
    return f"M{_number(x)} {_number(y)}l{-_HEAD:g} {-half:g}v{_HEAD:g}z"


def _corners(rect: Rect) -> str:
    x, y, width, height = map(_number, (rect.x, rect.y, rect.width, rect.height))
    return f'x="{x}" y="{y}" width="{width}" height="{height}"'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _escaped(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n")).translate(_ENTITIES)
