"""`flowrun plan` and the tokens that servers are expected to read from their caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_prompt_caching import HANDBOOK, MAP, ran, sections

from flowrun.dsl import Bounds, plan
from flowrun.runtime.cli.plan_view import view
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from support.harness import planned
from support.keeping_server import keeping

SONNET = "anthropic:claude-sonnet-4-5"
NESTED = """flow f(book: text, parts: [text], questions: [text]) {
  all = map part in parts {
    map q in questions { ask system "{{ book }}" user "{{ part }} {{ q }}" } reduce collect
  } reduce collect
  return all
}"""
CALLED = """flow one(book: text, part: text) {
  x = ask "{{ book }} Review {{ part }}"
  return x
}
flow f(handbook: text, sections: [text]) {
  all = map section in sections { one(book: handbook, part: section) } reduce collect
  return all
}"""
VOTES = """flow f(book: text, parts: [text]) {
  all = map part in parts {
    v = repeat 3 { ask "{{ book }} Is it right? {{ part }}" -> yes | no } reduce majority(confidence: 0.95)
    { v, share: agreement(v) }
  } reduce collect
  return all
}"""


def bounds(flow: str | plan.Plan, model: str = SONNET, **inputs: Any) -> Bounds:
    made = planned(flow) if isinstance(flow, str) else flow
    return estimate_plan(made, inputs, Files(Path()), model=model, environ={})


PARTS = [f"part {number} " + "of the law " * 600 for number in range(4)]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "map": (MAP.replace("OPTIONS", ""), {"handbook": HANDBOOK, "sections": sections(40)}),
    "nested": (NESTED, {"book": HANDBOOK, "parts": PARTS, "questions": ["a", "b", "c", "d"]}),
    "called": (CALLED, {"handbook": HANDBOOK, "sections": sections(10)}),
    "votes": (VOTES, {"book": HANDBOOK, "parts": sections(10)}),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_expectation_is_what_a_run_reads_from_the_cache(case: str, tmp_path: Path) -> None:
    flow, inputs = CASES[case]
    with keeping(seconds=0.01) as server:
        await ran(server, flow, tmp_path, **inputs)
        read = sum(bill.cached for bill in server.bills)
    # The server of the test counts four characters for a token.
    assert bounds(flow, **inputs).cached == pytest.approx(read * _tokens(HANDBOOK) / (len(HANDBOOK) / 4), rel=0.1)


def _tokens(text: str) -> float:
    from flowrun.runtime.vocabulary.tokens import estimate

    return estimate(text)


def test_models_keep_heads_of_different_lengths() -> None:
    flow = MAP.replace("OPTIONS", "")
    inputs: dict[str, Any] = {"handbook": HANDBOOK[:8000], "sections": sections(10)}
    assert bounds(flow, **inputs).cached > 9 * 1024
    assert bounds(flow, "openai:gpt-4o-mini", **inputs).cached > 9 * 1024
    assert bounds(flow, "anthropic:claude-haiku-4-5", **inputs).cached == 0
    assert bounds(flow, "gemini:gemini-3-pro", **inputs).cached == 0
    assert bounds(flow, "embedded:x", **inputs).cached == 0


@pytest.mark.parametrize(
    "text",
    [
        'flow f(h: text) { x = ask "{{ h }}" return x }',
        'flow f(h: text, xs: [text]) { m = map x in xs { ask "{{ x }} {{ h }}" } reduce collect return m }',
        'flow f(h: text, xs: [text]) { m = map x in xs { ask "{{ h }} {{ x }}" when x == "a" } reduce collect '
        "return m }",
    ],
)
def test_nothing_is_expected_without_a_head(text: str) -> None:
    inputs: dict[str, Any] = {"h": HANDBOOK, "xs": ["a", "b", "c"]}
    made = planned(text)
    found = bounds(made, **{param.name: inputs[param.name] for param in made.params})
    assert found.cached == 0
    assert "caches" not in "\n".join(view(found, None, None))


def test_the_view_tells_the_expectation() -> None:
    flow, inputs = CASES["map"]
    lines = "\n".join(view(bounds(flow, **inputs), None, None))
    assert "expected:\n  tokens in: ≈ " in lines and "read from the servers' caches, for less" in lines
    assert bounds(flow, handbook=HANDBOOK).cached == 0, "the number of sections is not known"
