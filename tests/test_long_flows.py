"""Flows with thousands of steps, branches and calls in a row: each is read, checked, planned, drawn and run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, check_flow, format_file, make_plan, parse_flow, picture_of, to_dot
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.scripted import ScriptedProvider

MANY = 550


def called(count: int, body: str = "x = f{before}(a: a) return x") -> str:
    """Flows that call each other in a chain, the caller before the called, and one that calls the first."""
    numbers = range(count - 1, 0, -1)
    callers = "".join(f"flow f{n}(a: text) {{ {body.format(before=n - 1)} }}\n" for n in numbers)
    last = 'flow f0(a: text) { x = ask "Q {{ a }}" return x }\n'
    return f"{callers}{last}flow main(a: text) {{ {body.format(before=count - 1)} }}\n"


def in_a_row(first: str, step: str, around: str = "{}", last: str = "return x{last}") -> Callable[[int], str]:
    """Steps of which each mentions the one before."""

    def written(count: int) -> str:
        steps = "\n".join([f"x0 = {first}", *(f"x{n} = {step.format(before=n - 1, n=n)}" for n in range(1, count))])
        return f"flow main(a: text) {{\n{around.format(steps)}\n{last.format(last=count - 1)}\n}}\n"

    return written


ASK = 'ask "Q {{{{ x{before} }}}}"'
SHAPES: dict[str, Callable[[int], str]] = {
    "called flows": called,
    "called flows, unused": lambda count: called(count, "x = f{before}(a: a) return a"),
    "called flows in blocks": lambda count: called(count, "x = chain {{ f{before}(a: a) }} return x"),
    "called flows with budgets": lambda count: called(count).replace("(a: text) {", "(a: text) budget 9 calls {"),
    "needs": in_a_row('ask "Q {{ a }}"', ASK),
    "values": in_a_row("a", "x{before}"),
    "conditions": in_a_row('ask "Q" -> bool', 'ask "Q {n}" -> bool when x{before} else false'),
    "steps of a chain": in_a_row('ask "Q {{ a }}"', ASK, "y = chain {{\n{}\n}}", "return y"),
    "branches": in_a_row('ask "Q {{ a }}"', 'ask "B {n}"', "y = fanout {{\n{}\n}} reduce collect", "return y"),
    "values twice": in_a_row("a ?? a", "x{before} ?? x{before}"),
    "conditions twice": in_a_row(
        'a == "a"',
        "x{before} and x{before}",
        last='y = ask "Q" when x{last} z = ask "Q" when not x{last} return y ?? z',
    ),
}


def checked(text: str) -> None:
    flow = check_flow(Source(text, "long.flow"), catalog())
    plan = make_plan(flow)
    estimate_plan(plan, {}, Files(Path()), environ={})
    to_dot(picture_of(plan, catalog().functions))
    assert parse_flow(Source(format_file(parse_flow(Source(text)))))


@contextmanager
def few_frames() -> Iterator[None]:
    """A stack that a recursion over the number of steps or flows would fill."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(MANY)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_long_flow_is_checked_planned_and_drawn(shape: str) -> None:
    text = SHAPES[shape](MANY).replace("a: text", "a: text?") if shape == "values twice" else SHAPES[shape](MANY)
    with few_frames():
        checked(text)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "twice" not in shape])
async def test_a_long_flow_runs(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "long.flow"
    path.write_text(SHAPES[shape](300))
    provider = ScriptedProvider(lambda request, number: "true" if request.schema else "t")
    result = await run_async(
        path, {"a": "x"}, options=RunOptions(opener=lambda address, around: provider, model="scripted:x", environ={})
    )
    assert result.ok


def test_a_circle_of_many_flows_is_told_once() -> None:
    text = "".join(f"flow f{n}(a: text) {{ x = f{(n + 1) % MANY}(a: a) return x }}\n" for n in range(MANY))
    with few_frames(), pytest.raises(FlowError) as refused:
        check_flow(Source(text), catalog())
    assert [one.code for one in refused.value.diagnostics] == ["F0204"]
