"""Pictures of plans: what is drawn of each kind of step, and how the drawing is laid out."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flowrun.dsl import make_plan, picture_of, to_dot, to_mermaid, to_svg
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.dsl.export import svg
from flowrun.dsl.export.coordinates import Gaps, arrange
from flowrun.dsl.export.drawn_flows import LARGEST
from flowrun.dsl.export.layering import Box, Link, layered
from flowrun.dsl.export.layout import lay_out
from flowrun.dsl.export.text_widths import text_width
from flowrun.runtime import load
from flowrun.runtime.catalog import catalog
from support.pictures import SVG, ask, called, clusters, edges, holds, nodes, pictured, program

ROOT = Path(__file__).resolve().parent.parent
FLOWS = sorted([*(ROOT / "workflows").glob("*.flow"), *(ROOT / "tests" / "corpus" / "ok").glob("*.flow")])


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
    one, again = (picture_of(make_plan(load(path)), catalog().functions) for _ in range(2))
    holds(one)
    assert to_svg(one) == to_svg(again)


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
    boxes = [Box(10, 20) for _ in range(250)]
    links = [Link(a, b, a) for a, b in combinations(range(250), 2)]
    assert layered(boxes, links).straight
    arranged = arrange(boxes, links, Gaps())
    assert sorted(arranged.ends) == list(range(len(links)))
    assert len({place[0] for place in arranged.places}) == 250


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
