"""Pictures of plans: what is drawn, that the three languages hold, and that nothing in a flow can leave its quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import Picture, Source, check_flow, make_plan, picture_of, to_dot, to_mermaid, to_svg
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.dsl.export import svg
from flowrun.dsl.export.called import LARGEST
from flowrun.dsl.export.layers import Box, Link, layered
from flowrun.dsl.export.layout import Layout, Rect, Stroke, lay_out
from flowrun.dsl.export.measures import LINE_SIZE, TITLE_SIZE, title_width
from flowrun.dsl.export.picture import Cluster, Node
from flowrun.dsl.export.places import Gaps, arrange
from flowrun.dsl.export.widths import text_width
from flowrun.runtime.api import load
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli import run_command

ROOT = Path(__file__).resolve().parent.parent
FLOWS = sorted([*(ROOT / "workflows").glob("*.flow"), *(ROOT / "tests" / "corpus" / "ok").glob("*.flow")])
SVG = "{http://www.w3.org/2000/svg}"
SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
NASTY = (
    '"',
    "<b>x</b><script>alert(1)</script>",
    "]",
    "a\nb",
    "; end",
    "%% comment",
    '%%{init: {"theme": "dark"}}%%',
    "`code`",
    "end",
    "subgraph x",
    "style n1 fill:#f00;",
    "classDef a fill:#123;",
    "1. list",
    "**bold** _it_",
    "&lt; &#34; #quot; #35;",
    "\\N \\G \\",
    "a --> b",
    "]]> <!-- -->",
    "\u202e turned \x00\x1b[31m \ud800",
    "漢字",
    "x" * 500,
    "",
)


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


# What is drawn


def test_a_vote() -> None:
    picture = pictured(
        'flow f(email: text) { v = repeat 3 { ask "{{ email }}" -> SPAM | NOT } reduce majority return v }'
    )
    assert [(c.kind, c.name, c.what) for c in clusters(picture)] == [("repeat", "v", "repeat 3")]
    assert [called(part) for part in clusters(picture)[0].inside] == ["ask → SPAM | NOT", "reduce majority"]
    assert edges(picture) == {
        ("email", "ask → SPAM | NOT", "mention"),
        ("ask → SPAM | NOT", "reduce majority", "reduce"),
        ("reduce majority", "return", "mention"),
    }


def test_a_map_shows_its_element_and_what_it_leaves_out() -> None:
    picture = pictured("""
        flow f(doc: document) {
          m = map part in split(doc, by: heading) where length(part) > 3 at most 9 { ask "{{ part }}" } reduce collect
          return m
        }""")
    element = next(node for node in nodes(picture) if node.kind == "element")
    assert element.lines == ("in split(doc, by: heading)", "where length(part) > 3")
    assert clusters(picture)[0].what == "map part at most 9"
    assert {("doc", "part", "mention"), ("part", "ask → text", "mention")} < edges(picture)


def test_clauses_are_shown_and_lead_to_their_step() -> None:
    picture = pictured("""
        model smart = "openai:m"
        flow f(x: text) {
          first = ask "{{ x }}"
          quick = repeat 3 { ask "{{ x }}" -> yes | no } reduce majority
          final = ask smart "{{ x }}" -> yes | no after first when agreement(quick) < 0.8 else quick
          return { final, first }
        }""")
    final = next(node for node in nodes(picture) if node.title == "final")
    assert final.lines == ("ask smart → yes | no", "when agreement(quick) < 0.8 else quick")
    assert "line 6" in final.tip
    assert {("first", "final", "after"), ("reduce majority", "final", "mention")} < edges(picture)
    assert "smart" not in {node.title for node in nodes(picture)}


def test_what_waits_as_a_whole_is_led_to_as_a_whole() -> None:
    picture = pictured("""
        flow f(x: text) {
          first = ask "{{ x }}"
          v = repeat 3 { ask "{{ x }}" -> yes | no } reduce majority after first when length(first) > 1 else "no"
          return v
        }""")
    assert ("first", "v", "mention") in edges(picture)
    assert clusters(picture)[0].what == 'repeat 3 when length(first) > 1 else "no"'
    assert "-> n3 [lhead=cluster_c1]" in to_dot(picture)
    assert re.search(r"n2 --> c1\n", to_mermaid(picture))


def test_the_branches_of_a_fanout_lead_to_its_reducer() -> None:
    picture = pictured("""
        flow f(x: text) {
          view = fanout { a = ask "a {{ x }}"  b = chain { c = ask "c {{ x }}"  ask "d {{ c }}" } }
            reduce ask "{{ a }} {{ b }} {{ x }}"
          return view
        }""")
    assert edges(picture) >= {
        ("a", "reduce ask", "reduce"),
        ("ask → text", "reduce ask", "reduce"),
        ("x", "reduce ask", "mention"),
        ("reduce ask", "return", "mention"),
    }
    assert [c.name for c in clusters(picture)] == ["view", "b"]


def ask(name: str, prompt: str, *needs: str) -> p.Step:
    return p.Step(name, needs, p.Ask(None, (p.Message("user", prompt),), t.TEXT), t.TEXT)


def program(steps: list[p.Step], result: p.Expr, **more: object) -> p.Plan:
    params = (p.Param("x", t.TEXT, None, True),)
    return p.Plan("f", "f.flow", params, (), tuple(steps), result, t.TEXT, **more)  # type: ignore[arg-type]


def flow_of(size: int, *, calls: str | None = None) -> p.Flow:
    steps = [ask(f"s{number}", "{{ text }}") for number in range(size)]
    if calls is not None:
        steps.append(p.Step("deeper", (), p.FlowCall(calls, {"text": p.Ref("text")}), t.TEXT))
    return p.Flow((p.Param("text", t.TEXT, None, True),), tuple(steps), p.Ref(steps[-1].name), t.TEXT)


def test_a_small_flow_that_is_called_is_drawn_at_each_call() -> None:
    call = p.FlowCall("lib/a.flow:summary", {"text": p.Ref("x")})
    steps = [p.Step("one", (), call, t.TEXT), p.Step("two", (), call, t.TEXT)]
    picture = picture_of(program(steps, p.Ref("two"), flows={"lib/a.flow:summary": flow_of(2)}), {})
    assert [(c.kind, c.name, c.what) for c in clusters(picture)] == [
        ("flow", "one", "flow lib/a.flow:summary"),
        ("flow", "two", "flow lib/a.flow:summary"),
    ]
    assert edges(picture) == {
        ("x", "text", "mention"),
        ("text", "s0", "mention"),
        ("text", "s1", "mention"),
        ("s1", "return", "mention"),
        ("return", "return", "mention"),
    }


def test_a_large_flow_that_is_called_is_one_node() -> None:
    steps = [p.Step("one", (), p.FlowCall("big", {"text": p.Ref("x")}), t.TEXT)]
    picture = picture_of(program(steps, p.Ref("one"), flows={"big": flow_of(LARGEST + 1)}), {})
    assert clusters(picture) == []
    assert [(node.kind, node.title, node.lines) for node in nodes(picture)][1] == (
        "flow",
        "one",
        ("flow big", f"{LARGEST + 1} steps"),
    )
    assert edges(picture) == {("x", "one", "mention"), ("one", "return", "mention")}


def test_calls_are_drawn_three_deep_and_a_circle_is_not_followed() -> None:
    deep = {f"f{number}": flow_of(1, calls=f"f{number + 1}") for number in range(5)} | {"f5": flow_of(1)}
    step = p.Step("top", (), p.FlowCall("f0", {"text": p.Ref("x")}), t.TEXT)
    picture = picture_of(program([step], p.Ref("top"), flows=deep), {})
    assert [c.what for c in clusters(picture)] == ["flow f0", "flow f1", "flow f2"]
    assert [node.lines for node in nodes(picture) if node.kind == "flow"] == [("flow f3", "2 steps")]
    circle = {"f0": flow_of(1, calls="f1"), "f1": flow_of(1, calls="f0")}
    assert clusters(picture_of(program([step], p.Ref("top"), flows=circle), {})) == []


def test_a_small_flow_that_is_called_everywhere_is_drawn_only_so_often() -> None:
    steps = [p.Step(f"c{number}", (), p.FlowCall("a", {"text": p.Ref("x")}), t.TEXT) for number in range(1000)]
    picture = picture_of(program(steps, p.Ref("c0"), flows={"a": flow_of(20)}), {})
    assert 0 < len(clusters(picture)) < 200
    assert len(nodes(picture)) < 10_000


def test_externs() -> None:
    vote = p.Reduce("best", {"least": p.Constant(2)}, extern="best")
    block = p.Repeat(3, 3, p.Block((ask("#1", "{{ found }}"),), "#1"), vote)
    steps = [
        p.Step("found", (), p.ExternCall("lookup", {"name": p.Ref("x")}), t.JSON),
        p.Step("v", (), block, t.TEXT),
    ]
    externs = {name: p.Extern(f"company.{name}:run", (), t.JSON) for name in ("lookup", "best")}
    picture = picture_of(program(steps, p.Ref("v"), externs=externs), {})
    found = next(node for node in nodes(picture) if node.kind == "extern")
    assert (found.title, found.lines) == ("found", ("extern lookup(name: x)",))
    assert "company.lookup:run" in found.tip
    assert next(node.lines for node in nodes(picture) if node.kind == "reduce") == ("reduce best(least: 2)", "extern")


def test_a_flow_without_steps() -> None:
    picture = picture_of(p.Plan("f", "", (), (), (), p.Constant(1), t.INT), {})
    assert [called(node) for node in nodes(picture)] == ["return"]
    assert ElementTree.fromstring(to_svg(picture)).findall(f".//{SVG}text")[0].text == "return"


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_every_flow_of_ours_is_drawn(path: Path) -> None:
    def drawn() -> Picture:
        return picture_of(make_plan(load(path)), catalog().functions)

    holds(drawn())
    assert to_svg(drawn()) == to_svg(drawn())


# Properties of any plan


@dataclass
class Names:
    """What may be mentioned where a step is generated."""

    known: list[str]
    count: int = 0

    def new(self) -> str:
        self.count += 1
        return f"s{self.count}"


@st.composite
def plans(draw: st.DrawFn) -> p.Plan:
    nasty = st.sampled_from(NASTY)
    fresh = Names([])

    def some(known: list[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []

    def leaf(known: list[str]) -> p.Node:
        mentions = some(known)
        if draw(st.booleans()):
            return p.Value(p.RecordOf(tuple(p.Entry(draw(nasty), p.Ref(name)) for name in mentions)))
        model = draw(st.sampled_from([None, p.Ref("fast"), p.Constant(draw(nasty))]))
        text = " ".join(f"{{{{ {name} }}}}" for name in mentions)
        answer = draw(st.sampled_from([t.TEXT, t.Choice((draw(nasty), "b")), t.Record((), draw(nasty))]))
        return p.Ask(model, (p.Message("user", text or "hello"),), answer)

    def body(known: list[str], depth: int, *, apart: bool) -> p.Block:
        inner = list(known)
        made = []
        for _ in range(draw(st.integers(1, 4))):
            step = one(inner, depth)
            made.append(step)
            if not apart:
                inner.append(step.name)
        return p.Block(tuple(made), made[-1].name)

    def one(known: list[str], depth: int) -> p.Step:
        kind = draw(st.sampled_from(["leaf", "leaf", "map", "repeat", "fanout", "chain"])) if depth else "leaf"
        reduce = p.Reduce(draw(st.sampled_from(["collect", "majority"])), {"sep": p.Constant(draw(nasty))})
        node: p.Node
        match kind:
            case "map":
                element = fresh.new()
                source = p.Ref(draw(st.sampled_from(known))) if known else p.Items(())
                node = p.Map(element, source, None, None, body([*known, element], depth - 1, apart=False), reduce)
            case "repeat":
                node = p.Repeat(3, 5, body(known, depth - 1, apart=False), reduce)
            case "fanout":
                node = p.Fanout(body(known, depth - 1, apart=True), reduce)
            case "chain":
                node = p.Chain(body(known, depth - 1, apart=False))
            case _:
                node = leaf(known)
        when = draw(st.sampled_from([None, p.Constant(draw(nasty)), *map(p.Ref, known)]))
        return p.Step(fresh.new(), tuple(some(known)), node, t.TEXT, {}, when)

    params = tuple(p.Param(f"p{n}", t.TEXT, p.Constant(draw(nasty)), False) for n in range(draw(st.integers(0, 3))))
    top = body([param.name for param in params], draw(st.integers(0, 4)), apart=False)
    return p.Plan(draw(nasty), draw(nasty), params, (), top.steps, p.Ref(top.result), t.TEXT)


@SOME
@given(plans())
def test_a_picture_of_any_plan_holds(plan: p.Plan) -> None:
    holds(picture_of(plan, {}))


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


# Small readers of DOT and Mermaid, made of their grammars and of nothing in the project


@dataclass
class Read:
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    around: dict[str, str] = field(default_factory=dict)
    edges: set[tuple[str, str, str]] = field(default_factory=set)


DOT_TOKEN = re.compile(r'\s*(?:("(?:[^"\\\n]|\\.)*")|([A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+)|(->|[{}\[\]=;,]))')


def dot_tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = DOT_TOKEN.match(text, at)
        assert match is not None, text[at : at + 60]
        found.append(match[0].strip())
        at = match.end()
    return found


def read_dot(text: str) -> Read:
    tokens = dot_tokens(text)
    assert tokens[0] == "digraph"
    assert tokens[1][0] == '"'
    assert tokens[2] == "{"
    read, frames, at = Read(), [""], 3
    first: dict[str, str] = {}
    while frames:
        token = tokens[at]
        if token == "}":
            frames.pop()
            at += 1
        elif token == "subgraph":
            id_ = tokens[at + 1].removeprefix("cluster_")
            read.around[id_] = frames[-1]
            frames.append(id_)
            assert tokens[at + 2] == "{"
            at += 3
        elif tokens[at + 1] == "=":
            at += 3
        else:
            end = at + 3 if tokens[at + 1] == "->" else at + 1
            attributes: dict[str, str] = {}
            if tokens[end] == "[":
                close = tokens.index("]", end)
                assert tokens[end + 2 : close : 3] == ["="] * ((close - end - 1) // 3)
                attributes = dict(zip(tokens[end + 1 : close : 3], tokens[end + 3 : close + 1 : 3], strict=True))
            if tokens[at + 1] == "->":
                target = attributes.get("lhead", "cluster_" + tokens[at + 2]).removeprefix("cluster_")
                style = {"dashed": "after", "bold": "reduce"}.get(attributes.get("style", ""), "mention")
                assert target == tokens[at + 2] or frames_of(tokens[at + 2], read).count(target) == 1
                read.edges.add((token, target, style))
            elif token not in ("node", "edge"):
                read.around[token] = frames[-1]
                first.setdefault(frames[-1], token)
                read.labels[token] = dot_label(attributes["label"])
            at = end + 2 + 3 * len(attributes) if tokens[end] == "[" else end
    assert at == len(tokens)
    assert {end for edge in read.edges for end in edge[:2]} <= set(read.around)
    return read


def frames_of(id_: str, read: Read) -> list[str]:
    found = []
    while id_ := read.around.get(id_, ""):
        found.append(id_)
    return found


def dot_label(quoted: str) -> tuple[str, ...]:
    """What Graphviz makes of a quoted label: escapes first, then the entities of HTML."""
    lines, line = [], ""
    for found in re.finditer(r"\\(.)|([^\\])", quoted[1:-1]):
        if found[1] == "n":
            lines.append(line)
            line = ""
        else:
            assert found[1] in (None, '"', "\\")
            line += found[1] or found[2]
    assert re.findall(r"&(?!amp;)[#\w]+;", "".join([*lines, line])) == []
    return tuple(one.replace("&amp;", "&") for one in [*lines, line] if one)


MERMAID_LINES = {
    "node": re.compile(r'(n\d+)(\(\[|\[\[|\[|>|\{\{)"([^"]+)"(\]\)|\]\]|\]|\}\}):::([a-z]+)'),
    "edge": re.compile(r"(n\d+) (-->|-\.->|==>) ([nc]\d+)"),
    "subgraph": re.compile(r'subgraph (c\d+)\["([^"]+)"\]'),
    "end": re.compile(r"end"),
    "accTitle": re.compile(r"accTitle: [^\n]*"),
    "classDef": re.compile(r"classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}"),
}


def read_mermaid(text: str) -> Read:
    head, *lines = text.splitlines()
    assert head in ("flowchart TB", "flowchart LR")
    read, frames = Read(), [""]
    for line in lines:
        kind, found = next((k, m) for k, pattern in MERMAID_LINES.items() if (m := pattern.fullmatch(line.strip())))
        # These are taken out or obeyed before Mermaid reads the text at all.
        assert "%%" not in line
        if kind == "node":
            read.around[found[1]] = frames[-1]
            read.labels[found[1]] = mermaid_label(found[3])
        elif kind == "subgraph":
            read.around[found[1]] = frames[-1]
            frames.append(found[1])
            mermaid_label(found[2])
        elif kind == "end":
            frames.pop()
        elif kind == "edge":
            style = {"-->": "mention", "-.->": "after", "==>": "reduce"}[found[2]]
            read.edges.add((found[1], found[3], style))
    assert frames == [""]
    assert {end for edge in read.edges for end in edge[:2]} <= set(read.around)
    return read


def mermaid_label(text: str) -> tuple[str, ...]:
    bare = re.sub(r"</?b>|<br/>|#\d+;", " ", text)
    assert not set(bare) & set("\"'`<>&#;%[]{}*$~^\\:.-!@"), bare
    lines = re.sub(r"</?b>", "", text).split("<br/>")
    return tuple(re.sub(r"#(\d+);", lambda found: chr(int(found[1])), line) for line in lines)


# What a flow holds is data


@pytest.mark.parametrize("text", [text for text in NASTY if text])
def test_nothing_leaves_its_quotes(text: str) -> None:
    step = p.Step(
        text,
        (),
        p.Ask(p.Ref(text), (p.Message("user", '{{ x }} <p> " ` ; %% & ]]>'),), t.Choice((text, "b"))),
        t.TEXT,
        {"o": p.Constant(text)},
        p.Constant(text),
        p.Constant(text),
    )
    block = p.Step("#1", (), p.Map(text, p.Constant(text), None, None, p.Block((step,), text), p.Reduce(text)), t.TEXT)
    params = (p.Param("x", t.TEXT, p.Constant(text), False),)
    holds(picture_of(p.Plan(text, text, params, (), (block,), p.Constant(text), t.TEXT), {}))


def test_the_readers_of_the_tests_see_a_broken_quote() -> None:
    with pytest.raises((AssertionError, StopIteration)):
        read_mermaid('flowchart TB\n  n1["a"b"]:::ask\n')
    with pytest.raises(AssertionError):
        read_mermaid('flowchart TB\n  n1["a <i>b"]:::ask\n')
    with pytest.raises((AssertionError, ValueError, IndexError)):
        read_dot('digraph "f" { n1 [label="a"b"] }')


def test_a_tip_has_the_prompt_and_long_ones_are_cut() -> None:
    picture = picture_of(program([ask("a", "first line\nsecond " + "word " * 1000)], p.Ref("a")), {})
    tip = nodes(picture)[1].tip
    assert "first line second word" in tip
    assert len(tip) < 1000


# The drawing


def test_many_branches_stand_one_below_the_other() -> None:
    branches = tuple(ask(f"b{number}", "{{ x }}") for number in range(12))
    step = p.Step("v", (), p.Fanout(p.Block(branches, "b0"), p.Reduce("collect")), t.JSON)
    picture = picture_of(program([step], p.Ref("v")), {})
    layout = lay_out(picture)
    assert layout.direction == "LR"
    assert len({layout.rects[node.id].y for node in nodes(picture) if node.kind == "ask"}) == 12
    assert to_mermaid(picture).startswith("flowchart LR")


def test_steps_that_need_each_other_stand_in_a_straight_line() -> None:
    steps = [ask("s0", "{{ x }}"), *(ask(f"s{n}", f"{{{{ s{n - 1} }}}} {{{{ x }}}}") for n in range(1, 12))]
    picture = picture_of(program(steps, p.Ref("s11")), {})
    layout = lay_out(picture)
    middles = [layout.rects[node.id].x + layout.rects[node.id].width / 2 for node in nodes(picture)[1:]]
    assert max(middles) - min(middles) < 1


def test_where_lanes_would_be_too_many_links_go_straight() -> None:
    boxes = [Box(10, 20) for _ in range(300)]
    links = [Link(a, b, a) for a, b in combinations(range(300), 2)]
    assert layered(boxes, links).straight
    arranged = arrange(boxes, links, Gaps())
    assert sorted(arranged.ends) == list(range(len(links)))
    assert len({place[0] for place in arranged.places}) == 300


def test_the_order_in_a_layer_avoids_crossings() -> None:
    boxes = [Box(10, 20) for _ in range(6)]
    links = [Link(0, 5, 0), Link(1, 4, 1), Link(2, 3, 2)]
    arranged = arrange(boxes, links, Gaps())
    across = [place[1] for place in arranged.places]
    assert across[0] == across[5]
    assert across[1] == across[4]
    assert across[2] == across[3]


def contrast(a: str, b: str) -> float:
    """As WCAG 2.2 defines it."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_texts_and_lines_stand_out(side: int) -> None:
    frames = [svg._CLUSTERS[side], svg._NESTED[side]]
    for fill, border in [*(colours[side] for colours in svg._COLOURS.values()), *frames]:
        assert contrast(svg._TEXT[side], fill) >= 7
        assert contrast(svg._FAINT[side], fill) >= 4.5
        assert contrast(border, fill) >= (3 if (fill, border) not in frames else 1.5)
    for ground in (svg._PAPER[side], *(fill for fill, _ in frames)):
        assert contrast(svg._LINE[side], ground) >= 3


def test_widths_know_wide_and_joined_characters() -> None:
    assert text_width("", 10) == 0
    assert text_width("漢", 10) > text_width("a", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("a", 10, bold=True) > text_width("a", 10)


# The command

SPAM = 'flow spam(email: text) {\n  v = repeat 3 { ask "{{ email }}" -> SPAM | NOT } reduce majority\n  return v\n}\n'


@pytest.fixture
def spam(tmp_path: Path) -> Path:
    path = tmp_path / "spam.flow"
    path.write_text("flow other(x: text) { return x }\n" + SPAM, encoding="utf-8")
    return path


def test_mermaid_goes_to_standard_output(spam: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["graph", str(spam)]) == 0
    said = capsys.readouterr()
    assert read_mermaid(said.out).labels["n1"] == ("email", "text")
    assert said.err == ""


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.svg", "<svg"), ("a.SVG", "<svg"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.mmd", "fl")],
)
def test_the_format_follows_the_name(
    spam: Path, name: str, start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["graph", str(spam), "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert capsys.readouterr().out == ""


def test_a_flow_and_a_format_can_be_chosen(spam: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["graph", str(spam), "--flow", "other", "--format", "dot", "-o", "-"]) == 0
    assert set(read_dot(capsys.readouterr().out).labels.values()) == {("x", "text"), ("return", "x")}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "a.png"], 2, "what to draw does not follow from the name `a.png`; end it in one of .mmd"),
        (["-o", "noend"], 2, "does not follow from the name `noend`"),
        (
            ["-o", "spam.flow", "--format", "svg"],
            2,
            "`spam.flow` is a flow file, or named as one, and is not overwritten",
        ),
        (["-o", "link.svg"], 2, "`link.svg` is a flow file"),
        (["-o", "nowhere/a.svg"], 74, "`nowhere/a.svg` cannot be written: No such file or directory"),
        (["--flow", "spma"], 2, "did you mean `spam`?"),
        (["--format", "png"], 2, "png"),
    ],
)
def test_wrong_commands(
    spam: Path,
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(spam.parent)
    Path("link.svg").symlink_to("spam.flow")
    before = spam.read_text(encoding="utf-8")
    assert run_command(["graph", "spam.flow", *arguments]) == code
    assert said in capsys.readouterr().err
    assert spam.read_text(encoding="utf-8") == before


def test_a_file_with_errors_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.flow"
    path.write_text("flow f() { return x }\n", encoding="utf-8")
    assert run_command(["graph", str(path), "-o", str(tmp_path / "a.svg")]) == 1
    assert "error[" in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


def test_nothing_but_the_flow_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.flow"
    path.write_text('flow f() {\n  a = ask "{{ p }}"\n  p = file("not_there.md")\n  return a\n}\n', encoding="utf-8")
    assert run_command(["graph", str(path)]) == 0
    assert "not_there" in capsys.readouterr().out


def test_more_than_mermaid_draws_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "\n".join(f'  s{number} = ask "{{{{ x }}}} {number}"' for number in range(600))
    path = tmp_path / "a.flow"
    used = ", ".join(f"s{number}" for number in range(600))
    path.write_text(f"flow f(x: text) {{\n{lines}\n  return {{ {used} }}\n}}\n", encoding="utf-8")
    assert run_command(["graph", str(path)]) == 0
    assert "1,200 edges" in capsys.readouterr().err
