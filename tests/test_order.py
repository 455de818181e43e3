"""The order of the lines means nothing: shuffled flows have the same plan, and the same things are wrong with them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import FlowError, Source, check_flow, make_plan, parse_flow, plan
from flowrun.dsl import syntax as s
from flowrun.runtime.catalog import catalog

CORPUS = Path(__file__).parent / "corpus"
OK = sorted((CORPUS / "ok").glob("*.flow"))
BAD = sorted([*(CORPUS / "bad" / "names").glob("*.flow"), *(CORPUS / "bad" / "dependencies").glob("*.flow")])
SOME = settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHUFFLES = st.randoms(use_true_random=False)


class Shuffler:
    """Writes a file again with the lines of its bodies in another order; all between the lines stays where it is.

    The last line of a block is its value, so it stays last. The branches of a fan-out are shuffled only where asked:
    their order is that of ``results``.
    """

    def __init__(self, text: str, random: Random, *, branches: bool) -> None:
        self.file = parse_flow(Source(text))
        self.text = self.file.span.source.text
        self.random = random
        self.branches = branches

    def written(self) -> str:
        out, at = [], 0
        for flow in self.file.flows:
            out.append(self.text[at : flow.body.span.start])
            # A returned node is a line of the body, too.
            own = [line for line in flow.body.lines if all(line is not one.step for one in flow.returns)]
            lines: list[s.Line | s.Return] = [*own, *flow.returns]
            lines.sort(key=lambda line: line.span.start)
            out.append(self.body(flow.body, lines, moved=len(lines)))
            at = flow.body.span.end
        return "".join(out) + self.text[at:]

    def body(self, body: s.Body, lines: list[s.Line | s.Return], moved: int) -> str:
        order = lines[:moved]
        self.random.shuffle(order)
        out, at = [], body.span.start
        for place, line in zip(lines, [*order, *lines[moved:]], strict=True):
            out += [self.text[at : place.span.start], self.line(line)]
            at = place.span.end
        return "".join(out) + self.text[at : body.span.end]

    def line(self, line: s.Line | s.Return) -> str:
        node = line.node if isinstance(line, s.Line) else None
        start, end = line.span.start, line.span.end
        if not isinstance(node, (s.Fanout, s.Map, s.Repeat, s.Chain, s.Rounds)):
            return self.text[start:end]
        moved = len(node.body.lines) - 1
        if isinstance(node, s.Fanout):
            moved = len(node.body.lines) if self.branches else 0
        inner = self.body(node.body, list(node.body.lines), max(moved, 0))
        return self.text[start : node.body.span.start] + inner + self.text[node.body.span.end : end]


def plans(text: str) -> list[Any]:
    checked = check_flow(Source(text), catalog(), beside)
    return [
        _sorted_plan(json.loads(plan.to_json(make_plan(checked, flow.decl.name.text))))
        for flow in checked.program.flows
    ]


def _sorted_plan(made: Any) -> Any:
    flows = {name: {**flow, "steps": _sorted(flow["steps"], {})} for name, flow in made["flows"].items()}
    return {**made, "steps": _sorted(made["steps"], {}), "flows": flows}


def beside(path: str) -> Source | str:
    """Reads what a program of the corpus imports."""
    return Source((CORPUS / "ok" / path).read_text(encoding="utf-8"), path)


def _sorted(steps: Any, names: dict[str, str]) -> list[Any]:
    """Steps by name, without their places; a step without a name is called by what it is."""
    out = []
    for step in steps:
        step["line"] = 0
        body = step["node"].get("body")
        if body is not None:
            inner: dict[str, str] = {}
            body["steps"] = _sorted(body["steps"], inner)
            body["result"] = inner[body["result"]]
        name = step["name"]
        if name.startswith("#"):
            step["name"] = ""
            step["name"] = json.dumps(step)
        names[name] = step["name"]
        out.append(step)
    return sorted(out, key=lambda step: str(step["name"]))


def codes(text: str) -> set[str]:
    try:
        found = check_flow(Source(text), catalog()).warnings
    except FlowError as error:
        found = error.diagnostics
    return {one.code for one in found if one.severity == "error"}


@cache
def _expected(path: Path) -> list[Any]:
    return plans(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", OK, ids=lambda path: path.stem)
@given(random=SHUFFLES)
@SOME
def test_shuffled_lines_make_the_same_plan(path: Path, random: Random) -> None:
    text = Shuffler(path.read_text(encoding="utf-8"), random, branches=False).written()
    assert plans(text) == _expected(path), text


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
@given(random=SHUFFLES)
@SOME
def test_shuffled_lines_have_the_same_errors(path: Path, random: Random) -> None:
    before = path.read_text(encoding="utf-8")
    text = Shuffler(before, random, branches=True).written()
    assert codes(text) == codes(before), text


def test_the_shuffler_shuffles_and_loses_nothing() -> None:
    before = (CORPUS / "ok" / "order.flow").read_text(encoding="utf-8")
    shuffled = {Shuffler(before, Random(seed), branches=True).written() for seed in range(20)}
    assert len(shuffled) > 10
    assert all(sorted(text.split()) == sorted(before.split()) for text in shuffled)


def test_the_comparison_sees_a_difference() -> None:
    one, two = ('flow f(x: text) {\n  a = ask "{{ x }}"\n  return ' + end + "\n}\n" for end in ("a", "[a]"))
    assert plans(one) != plans(two)
