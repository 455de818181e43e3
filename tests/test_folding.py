"""The checker's constant folding: what it knows, what it leaves to the run, and that it stays small and fast."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.dsl import syntax as s
from flowrun.dsl.checking.static_values import HEAVIEST, StaticValue
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from support.constant_flows import FAILS, ConstantFlow, checked_flow, constant_flows, folded, worked_out

FILES = Files(Path())


def flow_of(*lines: str, result: str = "0", before: str = "") -> str:
    inside = "\n".join(lines)
    return f"{before}\nflow f(mail: text, n: int, mode: on | off = off) {{\n{inside}\nreturn {result}\n}}\n"


def same(one: object, other: object) -> bool:
    return one == other and type(one) is type(other)


@settings(max_examples=60)
@given(constant_flows(), st.randoms(use_true_random=False))
def test_folding_and_runs_give_the_same_values(flow: ConstantFlow, chance: random.Random) -> None:
    lines = list(flow.lines)
    chance.shuffle(lines)
    checked = checked_flow(flow_of(*lines))
    early, late = folded(checked), worked_out(checked, FILES)
    for name in flow.names:
        assert same(early[name], late[name]), (flow.lines, name)


KNOWN = {
    "arithmetic": ("x = 1 + 2 * 3 - 4 / 2", 5.0),
    "negative": ("x = -3 + 1", -2),
    "percent": ("x = 50%", 0.5),
    "duration": ("x = 1500ms", 1.5),
    "hours": ("x = 2h", 7200.0),
    "steps in any order": ("x = b + 1 b = c c = 4", 5),
    "field": ("r = { name: mail, hot: 99 } x = r.hot", 99),
    "field of a field": ("r = { inner: { hot: 99 } } s = r.inner x = s.hot", 99),
    "spread before": ("r = { a: 1 } x = s.a s = { ..r, a: 2 }", 2),
    "field behind a spread answer": ('s = ask "{{ mail }}" -> { hot: int } r = { ..s, hot: 5 } x = r.hot', 5),
    "length of an open list": ("x = length([mail, mail]) + 1", 3),
    "text": ('h = "ot" x = text "h{{ h }}"', "hot"),
    "text of a list": ('l = [1, true] x = text "{{ l }}"', "[1, true]"),
    "default": ("x = none ?? 3", 3),
    "default not needed": ("a = 3 x = [a] == [3]", True),
    "open side that decides nothing": ('x = mail == "" and 1 > 2', False),
    "itself": ("x = mail == mail", True),
    "chain": ("x = chain { a = 2 b = a + 1 }", 3),
    "branch": ("v = fanout { a = 2 b = 3 } reduce collect x = v.b", 3),
    "results of a repeat": ('v = repeat 3 { ask "{{ mail }}" } reduce collect x = length(v)', 3),
    "results of a map": ('v = map m in [mail, "b"] { ask "{{ m }}" } reduce collect x = length(v)', 2),
    "map over nothing": ('v = map m in [] { ask "{{ m }}" } reduce collect x = length(v)', 0),
    "where that holds never": ('v = map m in [mail] where false { ask "{{ m }}" } reduce flatten x = length(v)', 0),
    "called flow": ("l = limits() x = l.hot + 1", 100),
    "join": ('x = join(["a", "b"], "-")', "a-b"),
    "join by name": ('x = join(separator: "-", items: ["a", "b"])', "a-b"),
    "found in an open list": ("x = 1 in [1, n]", True),
}


@pytest.mark.parametrize(("lines", "value"), KNOWN.values(), ids=KNOWN)
def test_what_the_file_decides_is_known(lines: str, value: object) -> None:
    checked = checked_flow(flow_of(lines, before="flow limits() { hot = 99 return { hot: hot } }"))
    assert same(folded(checked)["x"], value)


OPEN = {
    "parameter": "x = n + 1",
    "parameter with a default": "x = mode == on",
    "answer": 'x = ask "{{ mail }}"',
    "step that may be skipped": 'x = 1 when mail == ""',
    "step with another value": 'x = 1 when mail == "" else 2',
    "name of a step that may be skipped": 'a = 1 when mail == "" x = a ?? 2',
    "file": 'x = file("a.md")',
    "element": "x = map m in [1, 2] { y = m + 1 } reduce sum",
    "field that a spread brings": "r = { hot: 1, ..s } s = open_record(n: n) x = r.hot",
    "field of a called flow that takes it": "s = open_record(n: n) x = s.hot",
    "field that an answer brings": 's = ask "{{ mail }}" -> { hot: int } r = { hot: 1, ..s } x = r.hot',
    "field that a spread answer brings": (
        's = ask "{{ mail }}" -> { hot: int } q = { cold: 1, ..s } r = { hot: 1, ..q } x = r.hot'
    ),
    "number of fields": 's = ask "{{ mail }}" -> { hot: int } x = length({ hot: 1, ..s })',
    "text with a filter": 'a = "b" x = text "{{ a | upper }}"',
    "cut text": 'x = split("a b", by: line)',
    "number of what passes": 'v = map m in [mail] where m != "" { ask "{{ m }}" } reduce collect x = length(v)',
    "number of what may fail": 'v = map m in [mail] { ask "{{ m }}" } reduce collect with errors: skip x = length(v)',
    "not found in an open list": "x = 2 in [1, n]",
    "circle": "x = y y = x",
}


@pytest.mark.parametrize("lines", OPEN.values(), ids=OPEN)
def test_what_a_run_decides_is_open(lines: str) -> None:
    checked = checked_flow(flow_of(lines, before="flow open_record(n: int) { hot = n return { hot: hot } }"))
    assert folded(checked)["x"] is None


NONE = {
    "zero": "x = 1 / 0",
    "zero and an answer": 'a = ask "{{ mail }}" -> number x = a / (1 - 1)',
    "too large": "a = " + " * ".join(["9" * 30] * 60) + " x = a * a",
    "too large a fraction": "x = " + " * ".join(["9" * 28 + ".5"] * 12),
    "behind another": "x = y + 1 y = 1 / 0",
    "in a list": "x = [n, 1 / 0]",
}


@pytest.mark.parametrize("lines", NONE.values(), ids=NONE)
def test_what_fails_in_every_run_has_no_value(lines: str) -> None:
    assert folded(checked_flow(flow_of(lines)))["x"] == FAILS


def test_a_word_of_a_choice_is_a_value() -> None:
    checked = checked_flow(flow_of("x = [on] y = mode == on", before=""))
    flow = checked.program.flows[-1]
    word = next(step for step in flow.steps if step.title == "y").line.node
    assert isinstance(word, s.Binary)
    assert checked.typed.folding.known(word.right, flow.scope) == "on"


def test_the_value_of_an_imported_flow_is_known() -> None:
    library = 'flow limits() { hot = 90 + 9 return { hot: hot, mail: "x" } }'
    lines = 'l = limits()\nx = ask "{{ mail }}" with temperature: l.hot'
    text = f'import "lib.flow"\nflow f(mail: text) {{\n{lines}\nreturn x\n}}'
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text, "f.flow"), catalog(), lambda path: Source(library, path))
    assert [(one.code, one.span.text) for one in caught.value.diagnostics] == [("F0307", "l.hot")]


# Size and speed

DOUBLED = {
    "text": ('k0 = "xx"', 'k{next} = text "{{{{ k{last} }}}}{{{{ k{last} }}}}"'),
    "sum": ('k0 = "xx"', "k{next} = k{last} + k{last}"),
    "list": ("k0 = [1, 2]", "k{next} = k{last} + k{last}"),
    "nested list": ("k0 = [1, 2]", "k{next} = [k{last}, k{last}]"),
    "record": ("k0 = { a: 1 }", "k{next} = {{ a: k{last}, b: k{last} }}"),
    "join": ('k0 = "xx"', "k{next} = join([k{last}, k{last}])"),
}


@pytest.mark.parametrize(("first", "line"), DOUBLED.values(), ids=DOUBLED)
def test_what_doubles_is_not_followed_for_long(first: str, line: str) -> None:
    lines = [first, *(line.format(last=n, next=n + 1) for n in range(60))]
    checked = checked_flow(flow_of(*lines, 'x = text "{{ k60 }}"'))
    found = [checked.typed.folding.step(step) for step in checked.program.flows[-1].steps]
    weights = [one.weight for one in found if isinstance(one, StaticValue)]
    assert isinstance(found[5], StaticValue)
    assert found[5].whole
    assert not isinstance(found[60], StaticValue) or not found[60].whole
    assert max(weights) <= HEAVIEST


@pytest.mark.parametrize("line", ["k{next} = k{last} + 1", 'k{next} = text "{{{{ k{last} }}}}"'])
def test_a_long_row_of_steps_is_followed_in_any_order(line: str) -> None:
    lines = ["k0 = 0", *(line.format(last=n, next=n + 1) for n in range(2_500))]
    random.Random(7).shuffle(lines)
    checked = checked_flow(flow_of(*lines, 'x = ask "{{ mail }}" with max_tokens: k2500'))
    assert folded(checked)["k2500"] in (2_500, "0")
