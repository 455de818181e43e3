"""The table of options in docs/language.md: each of its pairs is checked, planned and run as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from flowrun.dsl import FlowError, Source, Where, check_flow, make_plan, plan
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.options import OPTIONS
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider

PAGE = Path(__file__).parent.parent / "docs" / "language.md"
PLACES: dict[str, set[str]] = {
    "asks": {"ask"},
    "models": {"model"},
    "blocks": {"map", "repeat", "fanout", "chain", "match", "cascade"},
    "flow calls": {"flow"},
    "maps": {"map"},
    "fan-outs": {"fanout"},
    "repeats": {"repeat"},
}
STEPS = {
    "ask": 'ask m "?" -> yes | no{}',
    "map": 'map x in ["one"] {{ ask m "{{{{ x }}}}" -> yes | no }} reduce collect{}',
    "repeat": 'repeat 1 {{ ask m "?" -> yes | no }} reduce collect{}',
    "fanout": 'fanout {{ one = ask m "?" -> yes | no }} reduce collect{}',
    "chain": 'chain {{ ask m "?" -> yes | no }}{}',
    "match": 'match true {{ true = ask m "?" -> yes | no else = "no" }}{}',
    "cascade": 'cascade {{ ask m "?" -> yes | no else "no" }}{}',
    "flow": "inner(){}",
}
VALUES = {
    "temperature": "0.5",
    "max_tokens": "9",
    "seed": "1",
    "reasoning": "low",
    "top_p": "0.9",
    "stop": '"END"',
    "presence_penalty": "0.5",
    "frequency_penalty": "0.5",
    "service_tier": "flex",
    "verbosity": "low",
    "logprobs": "true",
    "user": '"me"',
    "extra": "{ top_k: 4 }",
    "timeout": "5s",
    "retries": "1",
    "stream": "true",
    "hedge": "p95",
    "batch": "true",
    "cache": "false",
    "rpm": "9",
    "tpm": "9",
    "input_price": "1",
    "output_price": "1",
    "cached_price": "1",
    "stored_price": "1",
    "concurrency": "2",
    "weight": "2",
    "errors": "none",
    "launch": "together",
}


def table(text: str) -> dict[str, set[str]]:
    """The places of each option, as the page tells them."""
    rows = text.partition("## Options")[2].partition("## ")[0].splitlines()
    found: dict[str, set[str]] = {}
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if row.startswith("| `"):
            # Of `errors: fail`, `skip` the first word is the option; `rpm`, `tpm` are two.
            names = {name for name in re.findall(r"`(\w+)[`:]", row.split(" | ")[0]) if name in OPTIONS}
            for name in names:
                found[name] = set().union(*(PLACES[place] for place in cells[1].split(", ")))
    return found


TABLE = table(PAGE.read_text(encoding="utf-8"))
PAIRS = [(option, where) for option in sorted(OPTIONS) for where in get_args(Where)]


def written(option: str, where: str) -> str:
    clause = f" with {option}: {VALUES[option]}"
    model = 'model m = "scripted:x"' + (clause if where == "model" else "")
    inner = 'flow inner() { x = ask m "?" -> yes | no return x }'
    step = STEPS["ask"].format("") if where == "model" else STEPS[where].format(clause)
    return f"{model}\n{inner}\nflow f() {{ s = {step} return s }}\n"


def planned(text: str) -> plan.Plan:
    world = catalog()
    return make_plan(check_flow(Source(text.replace('"scripted:x"', '"openai:x"'), "a.flow"), world))


def test_the_table_has_every_option() -> None:
    assert set(TABLE) == set(OPTIONS) == set(VALUES)
    assert {name: set(spec.on) for name, spec in OPTIONS.items()} == TABLE


@pytest.mark.parametrize(("option", "where"), PAIRS)
def test_an_option_stands_where_the_table_says(option: str, where: str) -> None:
    text = written(option, where)
    if where not in TABLE[option]:
        with pytest.raises(FlowError) as refused:
            planned(text)
        assert [one.code for one in refused.value.diagnostics if one.severity == "error"] == ["F0307"]
        return
    made = planned(text)
    (step,) = made.steps
    carried = made.models[0].options if where == "model" else step.options
    if option == "retries" and where not in ("ask", "model"):
        assert asked(made) == [plan.Constant(1)]
    else:
        assert option in carried


def asked(made: plan.Plan) -> list[plan.Expr | None]:
    """The `retries` of each ask of the flow that runs, and of those that it calls."""
    found, todo = [], list(made.steps)
    while todo:
        step = todo.pop()
        todo += step.block.steps if step.block is not None else ()
        todo += made.flows[step.node.flow].steps if isinstance(step.node, plan.FlowCall) else ()
        found += [step.options.get("retries")] if isinstance(step.node, plan.Ask) else []
    return found


@pytest.mark.parametrize("where", sorted(set(STEPS) & TABLE["retries"]))
async def test_retries_are_those_of_the_asks_inside(where: str) -> None:
    provider = ScriptedProvider(lambda request, number: "perhaps")
    result = await run_async(
        planned(written("retries", where)), options=RunOptions(opener=lambda address, around: provider, environ={})
    )
    # The second stage of the cascade stands in for the ask.
    assert result.ok is (where == "cascade")
    assert len(provider.calls) == 2


@pytest.mark.parametrize("where", sorted(set(STEPS) & TABLE["timeout"] - {"ask"}))
async def test_a_timeout_ends_the_whole_block(where: str) -> None:
    text = written("timeout", where).replace("5s", "10ms")
    provider = ScriptedProvider(lambda request, number: Scripted("yes", 5.0))
    result = await run_async(planned(text), options=RunOptions(opener=lambda address, around: provider, environ={}))
    assert not result.ok
    assert "10 ms" in result.failures[0].reason or "0.01" in result.failures[0].reason


NESTED = """
model m = "openai:x" with retries: 7
flow inner() { x = ask m "in" -> yes | no  y = ask m "own" -> yes | no with retries: 0 return { x, y } }
flow around() { z = inner() return z }
flow f() {
  plain = inner()
  far = around() with retries: 3
  own = chain {
    fanout { near = around() with retries: 4  block = inner() } reduce collect with retries: 5
  } with retries: 6
  best_of = repeat 2 { ask m "draft" } reduce best(judge: ask "which? {{ results }}") with retries: 2
  return { plain, far, own, best_of }
}
"""


def test_the_innermost_word_on_retries_holds() -> None:
    made = make_plan(check_flow(Source(NESTED, "a.flow"), catalog()))
    flows = {
        name: {step.name: step.options.get("retries") for step in flow.steps if isinstance(step.node, plan.Ask)}
        for name, flow in made.flows.items()
        if name.startswith("inner")
    }
    zero = plan.Constant(0)
    assert flows == {
        "inner": {"x": None, "y": zero},
        "inner with retries 3": {"x": plan.Constant(3), "y": zero},
        "inner with retries 4": {"x": plan.Constant(4), "y": zero},
        "inner with retries 5": {"x": plan.Constant(5), "y": zero},
    }
    best = next(step for step in made.steps if step.name == "best_of")
    assert isinstance(best.node, plan.Repeat)
    assert best.node.reduce.options["retries"] == plan.Constant(2)
