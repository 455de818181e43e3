"""The parts of flows that tests should reach: the answers that a flow tells apart, and its policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import PlannedMarks, Source, check_flow, coverage_items, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.session.loading import load

# Which answers a flow tells apart

TOLD = {
    "equal": ("x: yes | no | maybe", "b = 1 when a.x == yes", {"x=yes", "x=*"}),
    "not equal": ("x: yes | no | maybe", "b = 1 when a.x != yes", {"x=yes", "x=*"}),
    "the other side": ("x: yes | no", "b = 1 when yes == a.x", {"x=yes", "x=*"}),
    "in a list": ("x: yes | no | maybe", "b = 1 when a.x in [yes, no]", {"x=yes", "x=no", "x=*"}),
    "all words": ("x: yes | no", "b = 1 when a.x == yes or a.x == no", {"x=yes", "x=no"}),
    "a quoted word": ('x: yes | "not now"', 'b = 1 when a.x == "not now"', {"x=not now", "x=*"}),
    "an expression": ("x: yes | no", "b = a.x == yes", {"x=yes", "x=*"}),
    "another step": ("x: yes | no", "c = a.x\n  b = 1 when c == yes", {"x=yes", "x=*"}),
    "a record": ("x: yes | no", "c = { it: a.x }\n  b = 1 when c.it == yes", {"x=yes", "x=*"}),
    "a spread": ("x: yes | no", "c = { it: 1, ..a }\n  b = 1 when c.x == yes", {"x=yes", "x=*"}),
    "a bool": ("x: bool", "b = 1 when a.x", {"x=true", "x=false"}),
    "not a bool": ("x: bool", "b = 1 when not a.x and true", {"x=true", "x=false"}),
    "none": ("x: text?", "b = 1 when a.x != none", {"x=none", "x=*"}),
    "none and a choice": ("x: Word?", "b = 1 when a.x == yes", {"x=yes", "x=*"}),
    "a template": ("x: yes | no", "b = text \"{% if a.x == 'yes' %}!{% endif %}\"", {"x=yes", "x=*"}),
    "a bool in a template": ("x: bool", 'b = text "{{ 1 if a.x else 2 }}"', {"x=true", "x=false"}),
    "a list in a template": (
        "x: [yes | no]",
        "b = text \"{% for y in a.x %}{% if y in ['yes'] %}!{% endif %}{% endfor %}\"",
        {"x=yes", "x=*"},
    ),
    "a default": ("x: text?", 'b = a.x ?? "y"', {"x=none", "x=*"}),
    "a default of a choice": ("x: Word?", "b = a.x ?? yes", {"x=none", "x=*"}),
    "a default in a template": ("x: int?", "b = text \"{{ a.x | default('y') }}\"", {"x=none", "x=*"}),
    "a guard in a template": ("x: text?", 'b = text "{% if a.x %}{{ a.x }}{% endif %}"', {"x=none", "x=*"}),
    "a guard of a choice": ("x: Word?", 'b = text "{% if a.x %}{{ a.x }}{% endif %}"', {"x=none", "x=*"}),
    "a guard of a bool": ("x: bool?", 'b = text "{% if a.x %}!{% endif %}"', {"x=true", "x=false", "x=*"}),
    "a test in a template": ("x: int?", 'b = text "{{ 1 if a.x is none else a.x }}"', {"x=none", "x=*"}),
    "no guard": ("x: text?", "b = a.x", set()),
    "another field": ("x: yes | no, y: yes | no", "b = 1 when a.y == yes", {"y=yes", "y=*"}),
    "a number": ("x: 1..5", "b = 1 when a.x == 2", set()),
    "a text": ("x: text", 'b = 1 when a.x == "yes"', set()),
    "two values": ("x: yes | no, y: yes | no", "b = 1 when a.x == a.y", set()),
    "nothing": ("x: yes | no", "b = a.x", set()),
}


@pytest.mark.parametrize(("fields", "line", "wanted"), TOLD.values(), ids=TOLD)
def test_the_answers_that_a_flow_tells_apart(fields: str, line: str, wanted: set[str]) -> None:
    text = f'flow f() {{\n  a = ask "A" -> {{ {fields} }}\n  {line}\n  return {{ a, b }}\n}}\ntype Word = yes | no\n'
    items = coverage_items(check_flow(Source(text, "a.flow"), catalog()))
    assert {item.mark.detail for item in items if item.kind == "answer"} == wanted
    assert {item.line for item in items if item.kind == "answer"} <= {2}


BLOCKS = {
    "a vote": 'v = repeat 3 { ask "A" -> yes | no } reduce majority\n  b = 1 when v == yes',
    "a chain": 'v = chain {\n    ask "A" -> yes | no\n  }\n  b = 1 when v == yes',
    "a reducer": 'v = fanout {\n  x = 1\n  y = 2\n  } reduce ask "A {{ results }}" -> yes | no\n  b = 1 when v == yes',
    "elements": 'm = map i in [1, 2] { ask "A{{ i }}" -> yes | no } reduce collect\n'
    "  b = map v in m where v == yes { v } reduce collect",
    "results": 'b = map i in [1, 2] { ask "A{{ i }}" -> yes | no } reduce ask "{% for r in results %}'
    "{% if r == 'yes' %}!{% endif %}{% endfor %}\"",
    "branches": 'v = fanout {\n    x = ask "A" -> yes | no\n    y = 1\n  } reduce collect\n  b = 1 when v.x == yes',
    "a called flow": "v = g()\n  b = 1 when v == yes",
    "an else": 'o = true\n  v = ask "A" -> yes | no when o else no\n  b = 1 when v == yes',
}
CALLED = 'flow g() {\n  a = ask "G" -> yes | no\n  return a\n}\n'


@pytest.mark.parametrize("lines", BLOCKS.values(), ids=BLOCKS)
def test_a_value_is_followed_to_its_asks(lines: str) -> None:
    called = CALLED if "g()" in lines else ""
    text = f"{called}flow f() {{\n  {lines}\n  return b\n}}\n"
    items = coverage_items(check_flow(Source(text, "a.flow"), catalog()))
    assert {item.mark.detail for item in items if item.kind == "answer"} == {"=yes", "=*"}


def policies(lines: str, head: str = "") -> set[str]:
    text = f"{head}flow f(mails: [text]) {{\n  {lines}\n  return b\n}}\n"
    items = coverage_items(check_flow(Source(text, "a.flow"), catalog()))
    return {item.missed for item in items if item.kind == "policy"}


MAP = 'b = map m in mails at most 9 { ask "A {{ m }}"%s } reduce '
AGAIN = "no test makes a call of `b` again"
RETRIES = {
    "a block": (MAP % "" + "collect with retries: 2", {AGAIN}),
    "a block whose asks set their own": (
        MAP % " with retries: 1" + "collect with retries: 2",
        {"no test makes a call of `b.ask` again"},
    ),
    "a block whose asks set none": (MAP % " with retries: 0" + "collect with retries: 2", set()),
    "a block and its reducer": (MAP % " with retries: 0" + 'ask "B {{ results }}" with retries: 2', {AGAIN}),
    "a reducer": (MAP % "" + '(ask "B {{ results }}" with retries: 2)', {AGAIN}),
    "a reducer of its own": (
        MAP % " with retries: 0" + '(ask "B {{ results }}" with retries: 0) with retries: 2',
        set(),
    ),
    "none": (MAP % "" + 'ask "B {{ results }}"', set()),
}


@pytest.mark.parametrize(("lines", "wanted"), RETRIES.values(), ids=RETRIES)
def test_the_retries_that_hold_for_an_ask(lines: str, wanted: set[str]) -> None:
    assert policies(lines) == wanted


def test_an_ask_that_decides_only_chooses() -> None:
    lines = 'v = repeat 2 { ask "A" -> yes | no } reduce majority(ties: ask "T")\n  b = 1 when v == yes'
    text = f"flow f() {{\n  {lines}\n  return b\n}}\n"
    items = coverage_items(check_flow(Source(text, "a.flow"), catalog()))
    assert {item.mark.part for item in items if item.kind == "answer"} == {"answer:ask"}


ROOT = Path(__file__).parent.parent
FLOWS = sorted([*(ROOT / "workflows").glob("*.flow"), *(ROOT / "tests" / "corpus" / "ok").rglob("*.flow")])


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_each_ask_of_a_plan_has_its_part(path: Path) -> None:
    checked = load(path)
    for flow in checked.program.flows:
        plan = make_plan(checked, flow.decl.name.text)
        marks = PlannedMarks(checked, plan)
        known = {id(ask): found for ask, found in marks.asks}
        branches = {id(condition): found for condition, found in marks.conditions}
        for step in plan.walk():
            reduce = getattr(step.node, "reduce", None)
            asks = [step.node] if isinstance(step.node, p.Ask) else [*reduce.asks] if reduce is not None else []
            for ask in asks:
                found = known[id(ask)]
                assert marks.items[found.asked].kind == "ask"
                assert found.retries is None or found.retries in marks.items
            if step.when is not None:
                assert all(marks.items[branch].kind == "branch" for branch in branches[id(step.when)])
