"""A plan may be edited: it is refused before it runs, or it runs to an end of the ordinary kind."""

from __future__ import annotations

import asyncio
import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, plan, types
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.session.loading import check_source, load, plan_of
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import FlowrunError, PlanError
from flowrun.testing import VirtualLoop
from support.plan_edits import Editor
from support.plan_reads import unfinished_reads
from support.random_flows import Writer
from support.soak import share

Json = Any
HERE = Path(__file__).parent
MANY = share(20_000)
LARGE = 1000
"""A plan that asks more often than this is looked at, and not run."""
PYTHON = re.compile(r"\b[A-Z]\w*(Error|Exception)\b|Traceback|object has no attribute")
"""What no reason of a failure has in it: the name of a Python exception."""


@cache
def plans() -> tuple[tuple[str, Json], ...]:
    """The plans of all flows of the examples and of the corpus, by name."""
    found = []
    for path in sorted((*(HERE.parent / "workflows").glob("*.flow"), *(HERE / "corpus" / "ok").glob("*.flow"))):
        checked = load(path)
        for flow in checked.file.flows:
            made = plan_of(checked, flow.name.text)
            found.append((f"{path.name}:{flow.name.text}", json.loads(plan.to_json(made))))
    return tuple(found)


def random_plan(rng: random.Random) -> tuple[str, Json]:
    text = Writer(rng, rng.randint(1, 8), votes=True).flow()
    return text, json.loads(plan.to_json(plan_of(check_source(Source(text, str(HERE / "random.flow"))))))


# What a model says, and what a caller gives


def answer(schema: Json, rng: random.Random) -> Json:
    """A value of a JSON schema."""
    if "anyOf" in schema:
        return answer(rng.choice(schema["anyOf"]), rng)
    match schema.get("type"):
        case "integer":
            return rng.randint(schema.get("minimum", -1), min(schema.get("maximum", 9), 10**6))
        case "number":
            return rng.uniform(schema.get("minimum", -1), schema.get("maximum", 9))
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case "array":
            return [answer(schema["items"], rng) for _ in range(rng.randint(0, 3))]
        case "object":
            return {name: answer(one, rng) for name, one in schema["properties"].items()}
        case "string":
            return rng.choice(schema.get("enum", ["one", "two words"]))
    return rng.choice(["free", 3, None, [1, "x"], {"a": 1}])


def given(type_: types.Type, rng: random.Random) -> Json:
    if type_ == types.MODEL:
        return "openai:given"
    return answer(types.json_schema(type_), rng)


def reply(request: Request, rng: random.Random) -> str:
    if rng.random() < 0.05:
        return "no answer of any type {"
    if request.choices:
        return rng.choice(request.choices)
    return "some words" if request.schema is None else json.dumps(answer(dict(request.schema), rng))


# One edited plan


def fate(data: Json, rng: random.Random) -> str:
    """``unread``, ``refused``, ``large``, ``stopped`` before its first call, ``failed`` or ``done``."""
    try:
        made = plan.from_json(json.dumps(data))
    except ValueError:
        return "unread"
    try:
        verify(made)
    except PlanError as error:
        assert not PYTHON.search(str(error)), error
        return "refused"
    # Of what was edited in, this is what was read.
    assert not unfinished_reads(json.loads(plan.to_json(made)))
    repeats = [step.node.most for step in made.walk() if isinstance(step.node, plan.Repeat)]
    if any(most > LARGE for most in repeats):
        return "large"
    inputs = {param.name: given(param.type, rng) for param in made.params if param.required or rng.random() < 0.5}

    def opener(address: str, around: object) -> ScriptedProvider:
        return ScriptedProvider(lambda request, number: reply(request, rng), model=address)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            result = runner.run(run_async(made, inputs, options=RunOptions(opener=opener, budget=Budget(calls=300))))
        except FlowrunError as error:
            assert not PYTHON.search(str(error)), error
            return "stopped"
    for failure in (*result.outcome.failures, *result.outcome.losses):
        assert isinstance(failure.error, FlowrunError | None), failure
        assert not PYTHON.search(failure.reason), failure.reason
    json.dumps(result.value, allow_nan=False)
    return "done" if result.ok else "failed"


def edited(seed: int) -> tuple[str, list[str], str]:
    rng = random.Random(seed)
    name, data = rng.choice(plans()) if rng.random() < 0.7 else random_plan(rng)
    editor = Editor(data, rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        editor.edit()
    try:
        return name, editor.done, fate(editor.data, rng)
    except Exception as error:
        error.add_note(f"seed {seed}, {name}: " + "; ".join(editor.done))
        raise


def hold(seeds: range) -> dict[str, int]:
    fates: dict[str, int] = {}
    for seed in seeds:
        _, _, what = edited(seed)
        fates[what] = fates.get(what, 0) + 1
    return fates


def test_an_edited_plan_is_refused_or_ends_as_flows_end() -> None:
    fates = hold(range(50))
    # Not all of them are refused: what is left of the plan has to be run.
    assert fates["refused"] > 7, fates
    assert fates["done"] > 7, fates


@pytest.mark.slow
def test_many_edited_plans_are_refused_or_end_as_flows_end() -> None:
    fates = hold(range(1000, 1000 + MANY))
    assert fates["done"] > MANY / 10, fates


def test_plans_that_nobody_edited_run() -> None:
    for name, data in plans():
        assert fate(data, random.Random(name)) in ("done", "failed", "stopped"), name
