"""The picture of any plan holds in all three languages, and nothing in a flow can leave its quotes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import picture_of
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from support.picture_readers import read_dot, read_mermaid
from support.pictures import ask, holds, nodes, program

SOME = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
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
        answers: list[t.Type] = [t.TEXT, t.Choice((draw(nasty), "b")), t.Record((), draw(nasty))]
        answer = draw(st.sampled_from(answers))
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
